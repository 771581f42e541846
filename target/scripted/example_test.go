package scripted_test

import (
	"context"
	"fmt"
	"strings"

	"coldbench/loadgen"
	"coldbench/target/scripted"
)

func ExampleRead() {
	steps, err := scripted.Read(strings.NewReader(`
# the first of three is a cold start
{"init": "3ms", "service": "1ms", "tail": "REPORT RequestId: {id}\tInit Duration: 3.00 ms"}
{"service": "1ms", "times": 2}
`), "three.jsonl")
	if err != nil {
		fmt.Println(err)
		return
	}
	target := scripted.New(steps...)
	for seq := range int64(3) {
		r := target.Invoke(context.Background(), loadgen.Request{Seq: seq})
		fmt.Printf("%s %v %q\n", r.Outcome, r.Done.Sub(r.Sent), r.Tail)
	}
	// Output:
	// ok 4ms "REPORT RequestId: 00000000-0000-4000-8000-000000000000\tInit Duration: 3.00 ms"
	// ok 1ms ""
	// ok 1ms ""
}
