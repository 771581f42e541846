// Command function is the function that the clients drive: a Go program on
// aws-lambda-go. It prints one line, and answers with a greeting; with "stream"
// it answers in parts, with "fail" with an error.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-lambda-go/lambda"
)

type event struct {
	Name   string `json:"name"`
	Stream int    `json:"stream"`
	Fail   bool   `json:"fail"`
}

func main() {
	lambda.Start(func(_ context.Context, e event) (any, error) {
		fmt.Printf("greeting %q\n", e.Name)
		switch {
		case e.Fail:
			return nil, errors.New("told to fail")
		case e.Stream > 0:
			r, w := io.Pipe()
			go func() {
				for i := range e.Stream {
					fmt.Fprintf(w, "part %d;", i)
				}
				w.Close()
			}()
			return r, nil
		}
		return map[string]string{"hello": e.Name}, nil
	})
}
