package logsource_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// serve runs the fake as an HTTP server on an in-memory network, so that it
// works within a synctest bubble, and gives the configuration that reaches it.
func (f *fakeLogs) serve(t *testing.T) aws.Config {
	cfg, stop := f.serveUntil()
	t.Cleanup(stop)
	return cfg
}

func (f *fakeLogs) serveUntil() (cfg aws.Config, stop func()) {
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: f}
	stopped := make(chan struct{})
	go func() { defer close(stopped); _ = server.Serve(l) }()
	transport := &http.Transport{DialContext: l.dial, DialTLSContext: l.dial}
	return config("http://logs.test", &http.Client{Transport: transport}), func() {
		transport.CloseIdleConnections()
		_ = server.Close()
		<-stopped
	}
}

// serveTCP runs the fake on loopback.
func (f *fakeLogs) serveTCP(t *testing.T) aws.Config {
	server := httptest.NewServer(f)
	transport := &http.Transport{}
	t.Cleanup(func() { transport.CloseIdleConnections(); server.CloseClientConnections(); server.Close() })
	return config(server.URL, &http.Client{Transport: transport})
}

func config(endpoint string, client *http.Client) aws.Config {
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(endpoint), HTTPClient: client,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
}

type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.IPAddr{} }
