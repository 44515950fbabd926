package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/server/v3/embed"
)

// longestSocket is what sun_path of a Unix socket's address holds, less its closing zero.
const longestSocket = 107

// nowhere is advertised because something of the form host:port must be; a single member has nobody who would dial it.
var nowhere = []url.URL{{Scheme: "http", Host: "127.0.0.1:1"}}

type etcd struct {
	address string
	server  *embed.Etcd
}

// startEtcd starts etcd in this process. It listens on Unix sockets in its own directory, so no other user reaches it.
func startEtcd(dir string) (*etcd, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	client, peer := filepath.Join(dir, "client"), filepath.Join(dir, "peer")
	if len(client) > longestSocket {
		return nil, fmt.Errorf("%s is too long for a Unix socket; set TMPDIR to a shorter directory", dir)
	}
	config := embed.NewConfig()
	config.Dir = filepath.Join(dir, "data")
	config.ListenClientUrls, config.ListenPeerUrls = socket(client), socket(peer)
	config.AdvertiseClientUrls, config.AdvertisePeerUrls = nowhere, nowhere
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.UnsafeNoFsync = true // what tests write need not outlive a power cut
	config.LogLevel = "error"
	server, err := embed.StartEtcd(config)
	if err != nil {
		return nil, err
	}
	select {
	case <-server.Server.ReadyNotify():
		return &etcd{address: "unix://" + client, server: server}, nil
	case err := <-server.Err():
		return nil, err
	case <-time.After(startLimit):
		return nil, errors.New("it is not ready after a minute")
	}
}

func socket(path string) []url.URL {
	return []url.URL{{Scheme: "unix", Path: path}}
}

// compact forgets every revision but the current one, so that old watches and continue tokens expire now.
func (e *etcd) compact() (string, error) {
	revision := e.server.Server.KV().Rev()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	_, err := e.server.Server.Compact(ctx, &pb.CompactionRequest{Revision: revision, Physical: true})
	return fmt.Sprint(revision), err
}
