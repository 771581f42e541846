package sandbox_test

import (
	"context"
	"fmt"
	"os"

	"coldbench/sandbox"
)

func Example() {
	host, err := sandbox.New(sandbox.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = host.Close() }()

	env, err := host.Start(context.Background(), sandbox.Spec{
		ID:       "hello",
		Command:  []string{"sh", "-c", "echo $GREETING; exit 3"},
		Env:      []string{"GREETING=good morning"},
		MemoryMB: 128,
		CPUShare: 128. / 1769,
		Stdout:   os.Stdout,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	<-env.Done()
	fmt.Println(env.ExitError())
	// Output:
	// good morning
	// exit status 3
}
