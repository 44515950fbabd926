// A kube-apiserver with its etcd in one process, for tests.
//
// It starts an embedded etcd behind a Unix socket, makes certificates and keys, and serves the Kubernetes API on a free
// port of the loopback address. Nothing runs beside it: no controller manager, no scheduler, no kubelet.
//
// The process that starts it talks to it over two pipes. Standard output carries one JSON line as soon as the address is
// known, and one line for each answer. Standard input carries commands, one a line; when it is closed, which the kernel
// does however the parent ends, this process removes its data directory and exits.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const startLimit = 60 * time.Second

// ready is the first line on standard output.
type ready struct {
	URL     string `json:"url"`
	CAFile  string `json:"ca_file"`
	Clients string `json:"clients"`
	Version string `json:"version"`
}

func main() {
	flags := flag.NewFlagSet("apiserver", flag.ExitOnError)
	dataDir := flags.String("data-dir", "", "directory for everything that is stored; removed at the end")
	tokens := flags.String("tokens", "", "static token file of kube-apiserver; each of its users gets a client certificate too")
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "apiserver --data-dir DIR --tokens FILE [-- FLAGS OF KUBE-APISERVER]")
		flags.PrintDefaults()
	}
	_ = flags.Parse(os.Args[1:]) // ExitOnError: it does not return
	if *dataDir == "" || *tokens == "" {
		flags.Usage()
		os.Exit(2)
	}
	if err := run(*dataDir, *tokens, flags.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "apiserver:", err)
		os.Exit(1)
	}
}

func run(dataDir, tokens string, extra []string) error {
	users, err := readUsers(tokens)
	if err != nil {
		return err
	}
	credentials, err := makeCredentials(filepath.Join(dataDir, "pki"), users)
	if err != nil {
		return fmt.Errorf("cannot make certificates: %w", err)
	}
	store, err := startEtcd(filepath.Join(dataDir, "etcd"))
	if err != nil {
		return fmt.Errorf("cannot start etcd: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	server, err := newAPIServer(listener, append(credentials.flags(), "--token-auth-file="+tokens, "--etcd-servers="+store.address), extra)
	if err != nil {
		return err
	}
	go func() {
		obey(store, os.Stdin, os.Stdout)
		_ = os.RemoveAll(dataDir) // what is left is in a temporary directory
		os.Exit(0)
	}()
	err = json.NewEncoder(os.Stdout).Encode(ready{
		URL: "https://" + listener.Addr().String(), CAFile: credentials.caFile, Clients: credentials.clients, Version: server.version,
	})
	if err != nil {
		return fmt.Errorf("cannot say where the server is: %w", err)
	}
	return server.run(context.Background())
}

// obey carries out commands until there are no more; each is answered by one line: "ok" with a result, or "error" with a reason.
func obey(store *etcd, commands io.Reader, answers io.Writer) {
	lines := bufio.NewScanner(commands)
	for lines.Scan() {
		var result string
		var err error
		switch command := strings.TrimSpace(lines.Text()); command {
		case "compact":
			result, err = store.compact()
		default:
			err = fmt.Errorf("unknown command %q", command)
		}
		if err != nil {
			fmt.Fprintln(answers, "error", err)
			continue
		}
		fmt.Fprintln(answers, "ok", result)
	}
}
