package url_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"coldbench/loadgen"
	"coldbench/target/url"
)

func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, "try later")
	}))
	defer server.Close()
	target, err := url.New(url.Options{URL: server.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer target.Close()
	r := target.Invoke(context.Background(), loadgen.Request{})
	fmt.Println(r.Outcome, r.ErrorType, r.Error, r.ResponseBytes)
	// Output: function_error HTTP.503 try later 9
}
