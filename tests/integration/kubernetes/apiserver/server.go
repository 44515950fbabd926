package main

import (
	"context"
	"fmt"
	"net"

	"github.com/spf13/pflag"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/rest"
	logsapi "k8s.io/component-base/logs/api/v1"
	utilversion "k8s.io/component-base/version"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// always are the flags that do not depend on where things are stored.
var always = []string{
	"--authorization-mode=RBAC",
	"--advertise-address=127.0.0.1",
	"--service-account-issuer=https://kubernetes.default.svc",
	"--service-cluster-ip-range=10.0.0.0/16",
	"--disable-admission-plugins=ServiceAccount", // no controller makes the default service accounts that it asks for
	"--etcd-compaction-interval=0",               // history goes when a test says so
	"--endpoint-reconciler-type=none",
	"--v=0",
}

type apiServer struct {
	options options.CompletedOptions
	version string
}

// newAPIServer completes and checks the options of a kube-apiserver that serves on listener. Later flags win.
func newAPIServer(listener net.Listener, flags, extra []string) (*apiServer, error) {
	wanted := options.NewServerRunOptions()
	set := pflag.NewFlagSet("kube-apiserver", pflag.ContinueOnError)
	for _, named := range wanted.Flags().FlagSets {
		set.AddFlagSet(named)
	}
	all := append(append(append([]string{}, always...), flags...), extra...)
	if err := set.Parse(all); err != nil {
		return nil, fmt.Errorf("flags of kube-apiserver: %w", err)
	}
	wanted.SecureServing.Listener = listener
	wanted.SecureServing.BindPort = listener.Addr().(*net.TCPAddr).Port
	if err := wanted.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return nil, err
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	if err := logsapi.ValidateAndApply(wanted.Logs, utilfeature.DefaultFeatureGate); err != nil {
		return nil, err
	}
	completed, err := wanted.Complete(context.Background())
	if err != nil {
		return nil, fmt.Errorf("options of kube-apiserver: %w", err)
	}
	if errs := completed.Validate(); len(errs) != 0 {
		return nil, fmt.Errorf("options of kube-apiserver: %w", utilerrors.NewAggregate(errs))
	}
	return &apiServer{options: completed, version: utilversion.Get().GitVersion}, nil
}

func (s *apiServer) run(ctx context.Context) error {
	return app.Run(ctx, s.options)
}
