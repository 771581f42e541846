// Package wire is what the net/http targets share: connections that are opened
// ahead of the load, so that a burst of N reaches the wire as N, and the phases
// of one request (name lookup, connect, TLS, wait, first byte) as
// net/http/httptrace tells them, and the names of failures. Because every such
// target stamps the same instants and classifies with the same code, their rows
// can be compared.
package wire
