package experiment_test

import (
	"testing"

	"coldbench/experiment"
)

func TestRedact(t *testing.T) {
	tests := []struct{ in, want string }{
		{"arn:aws:lambda:eu-west-1:123456789012:function:x", "arn:aws:lambda:eu-west-1:************:function:x"},
		{"arn:aws:iam::123456789012:role/r", "arn:aws:iam::************:role/r"},
		{"arn:aws-cn:lambda:cn-north-1:123456789012:function:x:1", "arn:aws-cn:lambda:cn-north-1:************:function:x:1"},
		{"123456789012.dkr.ecr.us-east-1.amazonaws.com/app@sha256:ab", "************.dkr.ecr.us-east-1.amazonaws.com/app@sha256:ab"},
		{"123456789012:function:x:live", "************:function:x:live"},
		{"https://sqs.eu-west-1.amazonaws.com/123456789012/q", "https://sqs.eu-west-1.amazonaws.com/************/q"},
		{"key AKIAIOSFODNN7EXAMPLE is invalid", "key AKIA**************** is invalid"},
		{"arn:aws:lambda:us-east-1::runtime:0123456789ab", "arn:aws:lambda:us-east-1::runtime:0123456789ab"},
		{"RequestId: 123456789012", "RequestId: 123456789012"},
		{"", ""},
	}
	for _, tt := range tests {
		if got := experiment.Redact(tt.in); got != tt.want {
			t.Errorf("Redact(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}
