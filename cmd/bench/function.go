package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"coldbench/emulator"
	"coldbench/fixtures"
	"coldbench/record"
)

// create makes a function of --zip, --dir or --image through the Lambda API and
// waits until it is active. It returns the function's name and the package's
// size, 0 where it is not known here.
func (c *codeFlags) create(ctx context.Context, api *lambdaapi.Client, n *narrator) (string, int64, error) {
	in, source, err := c.request()
	if err != nil {
		return "", 0, err
	}
	name, size := *in.FunctionName, int64(len(in.Code.ZipFile))
	if c.image != "" {
		n.say("creating %s: image %s, %d MB", name, c.image, c.memory)
	} else {
		n.say("creating %s: %s, %d MB, %.1f kB zipped", name, c.runtime, c.memory, float64(size)/1000)
	}
	if _, err = api.CreateFunction(ctx, in); err != nil {
		return "", 0, fmt.Errorf("create function from %s: %w", source, apiError(err))
	}
	if endpoint := api.Options().BaseEndpoint; endpoint != nil && c.image != "" {
		defer watchPull(ctx, *endpoint, name, n)()
	}
	err = lambdaapi.NewFunctionActiveV2Waiter(api).Wait(ctx, &lambdaapi.GetFunctionInput{FunctionName: &name}, c.patience(),
		func(o *lambdaapi.FunctionActiveV2WaiterOptions) {
			o.MinDelay, o.MaxDelay = 100*time.Millisecond, 2*time.Second
		})
	if err != nil {
		err = fmt.Errorf("wait for function %s to become active: %w", name, errors.Join(apiError(err), stateReason(api, name)))
		return "", 0, errors.Join(err, deleteFunction(api, name))
	}
	return name, size, nil
}

// patience is how long a function may take to become active; an image may have
// to be pulled from far away.
func (c *codeFlags) patience() time.Duration {
	if c.image != "" {
		return 15 * time.Minute
	}
	return 2 * time.Minute
}

// stateReason is why a function is in the state that it is in, if it says so.
func stateReason(api *lambdaapi.Client, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := api.GetFunctionConfiguration(ctx, &lambdaapi.GetFunctionConfigurationInput{FunctionName: &name})
	if err != nil || c.State != types.StateFailed {
		return nil
	}
	return errors.New(aws.ToString(c.StateReason))
}

// request is the CreateFunction of the flags, and where the code came from.
func (c *codeFlags) request() (*lambdaapi.CreateFunctionInput, string, error) {
	arch := c.arch
	if arch == "" {
		arch = hostArch()
	}
	in := &lambdaapi.CreateFunctionInput{
		Role:          aws.String("arn:aws:iam::000000000000:role/coldbench"),
		MemorySize:    aws.Int32(int32(c.memory)),
		Timeout:       aws.Int32(int32(c.timeout / time.Second)),
		Architectures: []types.Architecture{types.Architecture(arch)},
		Environment:   &types.Environment{Variables: c.variables()},
	}
	if c.image != "" {
		uri, err := c.imageReference()
		if err != nil {
			return nil, "", err
		}
		in.FunctionName, in.PackageType, in.Code = aws.String(functionName(imageName(c.image))), types.PackageTypeImage, &types.FunctionCode{ImageUri: &uri}
		return in, c.image, nil
	}
	code, source, err := c.archive()
	if err != nil {
		return nil, "", err
	}
	handler := c.handler
	if handler == "" {
		if !strings.HasPrefix(c.runtime, "provided") {
			return nil, "", usagef("--handler: runtime %s needs one, such as index.handler", c.runtime)
		}
		handler = "bootstrap"
	}
	in.FunctionName, in.Runtime, in.Handler, in.Code = aws.String(functionName(source)), types.Runtime(c.runtime), &handler, &types.FunctionCode{ZipFile: code}
	return in, source, nil
}

// archive returns the deployment package and the name of where it came from.
func (c *codeFlags) archive() (code []byte, source string, err error) {
	if c.dir != "" {
		code, err = fixtures.ZipDir(c.dir)
		if err != nil {
			return nil, "", fmt.Errorf("--dir: %w", err)
		}
		return code, c.dir, nil
	}
	code, err = os.ReadFile(c.zip)
	if err != nil {
		return nil, "", fmt.Errorf("--zip: %w", err)
	}
	return code, c.zip, nil
}

func (c *codeFlags) variables() map[string]string {
	m := map[string]string{}
	for _, kv := range c.env {
		k, v, _ := strings.Cut(kv, "=")
		m[k] = v
	}
	return m
}

// functionName makes a name that no function of the user has.
func functionName(source string) string {
	abs, err := filepath.Abs(source)
	if err != nil {
		abs = source
	}
	base := strings.TrimSuffix(filepath.Base(abs), filepath.Ext(abs))
	base = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, base)
	var salt [4]byte
	_, _ = rand.Read(salt[:]) // crypto/rand.Read never fails
	return fmt.Sprintf("bench-%.40s-%s", base, hex.EncodeToString(salt[:]))
}

func deleteFunction(api *lambdaapi.Client, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := api.DeleteFunction(ctx, &lambdaapi.DeleteFunctionInput{FunctionName: &name}); err != nil {
		return withHint(fmt.Errorf("delete function %s: %w", name, apiError(err)), "delete it by hand: it costs nothing while nobody invokes it")
	}
	return nil
}

// described is what else the platform knows of a function.
type described struct {
	asked    string // the name or ARN that was asked for, without a qualifier
	logGroup string
	timeout  time.Duration
	modelled string // what model of delays the endpoint names, "" = none
}

// describe reads what the platform knows of a function: the identity of the
// cell that its rows belong to, and how to reach it and its log.
func describe(ctx context.Context, api *lambdaapi.Client, name string) (record.Function, described, error) {
	function, qualifier := splitQualifier(name)
	in := &lambdaapi.GetFunctionConfigurationInput{FunctionName: &function}
	if qualifier != "" {
		in.Qualifier = &qualifier
	}
	c, err := api.GetFunctionConfiguration(ctx, in)
	if err != nil {
		return record.Function{}, described{}, withHint(fmt.Errorf("look up function %s: %w", name, apiError(err)),
			"check the name, the region (--region) and the endpoint (--endpoint)")
	}
	f := record.Function{
		Name:         aws.ToString(c.FunctionName),
		Qualifier:    qualifier,
		Runtime:      string(c.Runtime),
		MemoryMB:     int(aws.ToInt32(c.MemorySize)),
		Package:      record.PackageZip,
		PackageBytes: c.CodeSize,
		Arch:         "x86_64",
	}
	if c.PackageType == types.PackageTypeImage {
		f.Package = record.PackageImage
	}
	if len(c.Architectures) > 0 {
		f.Arch = string(c.Architectures[0])
	}
	group := "/aws/lambda/" + f.Name
	if c.LoggingConfig != nil && aws.ToString(c.LoggingConfig.LogGroup) != "" {
		group = *c.LoggingConfig.LogGroup
	}
	seen := described{asked: function, logGroup: group, timeout: time.Duration(aws.ToInt32(c.Timeout)) * time.Second}
	if raw, ok := awsmiddleware.GetRawResponse(c.ResultMetadata).(*smithyhttp.Response); ok {
		seen.modelled = raw.Header.Get(emulator.ModelledHeader)
	}
	return f, seen, nil
}

// splitQualifier splits NAME[:QUALIFIER], ACCOUNT:function:NAME[:QUALIFIER] and
// ARNs of functions.
func splitQualifier(name string) (function, qualifier string) {
	parts, fixed := strings.Split(name, ":"), 1
	switch {
	case arn.IsARN(name):
		fixed = 7 // arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME
	case len(parts) > 2 && parts[1] == "function":
		fixed = 3
	}
	if len(parts) <= fixed {
		return name, ""
	}
	return strings.Join(parts[:fixed], ":"), strings.Join(parts[fixed:], ":")
}
