package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/csv"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const lifetime = 24 * time.Hour

type user struct {
	name   string
	groups []string
}

// readUsers reads kube-apiserver's static token file: token, name, uid and, optionally, the groups in one quoted field.
func readUsers(path string) ([]user, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader := csv.NewReader(file)
	reader.FieldsPerRecord = -1
	records, err := reader.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var users []user
	for number, record := range records {
		if len(record) < 3 {
			return nil, fmt.Errorf("%s: record %d needs a token, a name and a uid", path, number+1)
		}
		found := user{name: record[1]}
		if len(record) > 3 && record[3] != "" {
			found.groups = strings.Split(record[3], ",")
		}
		users = append(users, found)
	}
	return users, nil
}

// credentials are the files that the API server and its clients need.
type credentials struct {
	caFile, certFile, keyFile, accountKey, clients string
}

func (c credentials) flags() []string {
	return []string{
		"--client-ca-file=" + c.caFile,
		"--tls-cert-file=" + c.certFile,
		"--tls-private-key-file=" + c.keyFile,
		"--service-account-key-file=" + c.accountKey,
		"--service-account-signing-key-file=" + c.accountKey,
	}
}

// makeCredentials makes a certificate authority, the server's certificate, a key for service account tokens, and a client
// certificate for each user.
func makeCredentials(dir string, users []user) (credentials, error) {
	made := credentials{
		caFile:     filepath.Join(dir, "ca.crt"),
		certFile:   filepath.Join(dir, "server.crt"),
		keyFile:    filepath.Join(dir, "server.key"),
		accountKey: filepath.Join(dir, "service-accounts.key"),
		clients:    filepath.Join(dir, "clients"),
	}
	if err := os.MkdirAll(made.clients, 0o700); err != nil {
		return made, err
	}
	ca, err := newAuthority(made.caFile)
	if err != nil {
		return made, err
	}
	server := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if err := ca.issue(server, made.certFile, made.keyFile); err != nil {
		return made, err
	}
	for _, user := range users {
		client := &x509.Certificate{
			Subject:     pkix.Name{CommonName: user.name, Organization: user.groups},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}
		base := filepath.Join(made.clients, user.name)
		if err := ca.issue(client, base+".crt", base+".key"); err != nil {
			return made, err
		}
	}
	_, err = newKey(made.accountKey)
	return made, err
}

type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
	last        int64
}

func newAuthority(path string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	made := &authority{key: key, certificate: &x509.Certificate{
		Subject:               pkix.Name{CommonName: "test authority"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}}
	der, err := made.sign(made.certificate, key.Public())
	if err != nil {
		return nil, err
	}
	if made.certificate, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	return made, writePEM(path, "CERTIFICATE", der)
}

func (a *authority) sign(template *x509.Certificate, public crypto.PublicKey) ([]byte, error) {
	a.last++
	template.SerialNumber = big.NewInt(a.last)
	template.NotBefore = time.Now().Add(-time.Hour) // a clock that is a little behind still accepts it
	template.NotAfter = time.Now().Add(lifetime)
	return x509.CreateCertificate(rand.Reader, template, a.certificate, public, a.key)
}

func (a *authority) issue(template *x509.Certificate, certFile, keyFile string) error {
	template.KeyUsage = x509.KeyUsageDigitalSignature
	key, err := newKey(keyFile)
	if err != nil {
		return err
	}
	der, err := a.sign(template, key.Public())
	if err != nil {
		return err
	}
	return writePEM(certFile, "CERTIFICATE", der)
}

func newKey(path string) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key) // the form that kube-apiserver reads for service accounts
	if err != nil {
		return nil, err
	}
	return key, writePEM(path, "EC PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
