package main

import (
	"slices"
	"testing"
)

func TestSplitQualifier(t *testing.T) {
	const arn = "arn:aws:lambda:eu-west-1:123456789012:function:checkout"
	tests := []struct{ in, function, qualifier string }{
		{"checkout", "checkout", ""},
		{"checkout:live", "checkout", "live"},
		{"123456789012:function:checkout", "123456789012:function:checkout", ""},
		{"123456789012:function:checkout:7", "123456789012:function:checkout", "7"},
		{arn, arn, ""},
		{arn + ":live", arn, "live"},
	}
	for _, tt := range tests {
		if f, q := splitQualifier(tt.in); f != tt.function || q != tt.qualifier {
			t.Errorf("splitQualifier(%q) = %q, %q; want %q, %q", tt.in, f, q, tt.function, tt.qualifier)
		}
	}
}

func TestOnlyAWSIsMeasured(t *testing.T) {
	for _, host := range []string{"lambda.eu-west-1.amazonaws.com", "lambda.cn-north-1.amazonaws.com.cn", "lambda.eu-west-1.api.aws", "vpce-1-2.lambda.us-east-1.vpce.amazonaws.com"} {
		if !ofAWS(host) {
			t.Errorf("ofAWS(%q) = false", host)
		}
	}
	for _, host := range []string{"localhost", "127.0.0.1", "::1", "lambda.localhost.localstack.cloud", "amazonaws.com.example.org", "10.0.0.7", ""} {
		if ofAWS(host) {
			t.Errorf("ofAWS(%q) = true", host)
		}
	}
}

func TestFlagsOfOtherTargets(t *testing.T) {
	given := func(flag string) bool { return slices.Contains([]string{"memory", "header", "keep-alive"}, flag) }
	tests := []struct {
		name string
		f    loadFlags
		want []string
	}{
		{"built-in", loadFlags{target: "emulated:hello"}, []string{"--header"}},
		{"deployed", loadFlags{target: "lambda:checkout"}, []string{"--header", "--keep-alive", "--memory"}},
		{"URL", loadFlags{target: "https://example.com/"}, []string{"--keep-alive", "--memory"}},
		{"own code", loadFlags{target: builtinTarget, code: codeFlags{dir: "app"}}, []string{"--header"}},
		{"own code elsewhere", loadFlags{target: builtinTarget, endpoint: "http://127.0.0.1:9000", code: codeFlags{dir: "app"}}, []string{"--header", "--keep-alive"}},
	}
	for _, tt := range tests {
		if got := tt.f.forOthers(given); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestPublicTarget(t *testing.T) {
	tests := []struct{ in, want string }{
		{"http://user:secret@127.0.0.1:9000", "http://127.0.0.1:9000"},
		{"https://example.com/a?token=secret", "https://example.com/a?..."},
		{"arn:aws:lambda:eu-west-1:123456789012:function:f", "arn:aws:lambda:eu-west-1:************:function:f"},
		{"lambda:123456789012:function:f", "lambda:************:function:f"},
		{"emulated:hello", "emulated:hello"},
	}
	for _, tt := range tests {
		if got := publicTarget(tt.in); got != tt.want {
			t.Errorf("publicTarget(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}
