package runtimes

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// jre makes a program that says that it is a java of that version.
func jre(t *testing.T, dir, name, version string) {
	t.Helper()
	script(t, dir, name, `echo "Property settings:
    java.home = /real/`+version+`
    java.specification.version = 1
    java.version = `+version+`
openjdk version" >&2`)
}

func touch(t *testing.T, dir string, names ...string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestJavaCommand(t *testing.T) {
	dir, code := t.TempDir(), t.TempDir()
	alone(t, dir)
	t.Setenv(javaClientFolder, "")
	jre(t, dir, "java", "17.0.15")
	t.Setenv("COLDBENCH_JAVA", filepath.Join(dir, "java"))
	r, err := Lookup("java17")
	if err != nil || !r.Exact || r.Version != "Java 17.0.15" || r.Interpreter != "/real/17.0.15/bin/java" {
		t.Fatalf("%+v, %v", r, err)
	}
	start := Start{CodeDir: code, Handler: "example.App::handle", MemoryMB: 512}
	var missing *ClientError
	if _, err := r.Command(start); !errors.As(err, &missing) || strings.Contains(err.Error(), "\n") ||
		!strings.Contains(err.Error(), "runtime java17: no aws-lambda-java-core-*.jar in lib/ of the package; download com.amazonaws:") {
		t.Errorf("without a client: %v", err)
	}
	lib := filepath.Join(code, "lib")
	touch(t, lib, "aws-lambda-java-core-1.2.3.jar", "aws-lambda-java-runtime-interface-client-2.6.0-linux-x86_64.jar", "aws-lambda-java-serialization-1.1.5.jar", "other.jar")
	want := "/real/17.0.15/bin/java -XX:MaxHeapSize=445645k -XX:+UseSerialGC -XX:+TieredCompilation -XX:TieredStopAtLevel=1 " +
		"--add-opens=java.base/java.io=ALL-UNNAMED -XX:+ErrorFileToStderr -Dorg.crac.Core.Compat=com.amazonaws.services.lambda.crac -Djava.net.preferIPv4Stack=true " +
		"-classpath " + lib + "/aws-lambda-java-core-1.2.3.jar:" + lib + "/aws-lambda-java-runtime-interface-client-2.6.0-linux-x86_64.jar:" + lib + "/aws-lambda-java-serialization-1.1.5.jar " +
		"com.amazonaws.services.lambda.runtime.api.client.AWSLambda example.App::handle"
	if got, err := r.Command(start); err != nil || strings.Join(got, " ") != want {
		t.Errorf("command\n%s, %v, want\n%s", strings.Join(got, " "), err, want)
	}
	named := filepath.Join(dir, "client")
	t.Setenv(javaClientFolder, named)
	if _, err := r.Command(start); !errors.As(err, &missing) || !strings.Contains(err.Error(), "in "+named) {
		t.Errorf("a named folder without the client: %v", err)
	}
	touch(t, named, "aws-lambda-java-core.jar", "aws-lambda-java-runtime-interface-client.jar")
	if got, err := r.Command(start); err != nil || !strings.Contains(strings.Join(got, " "), "-classpath "+named+"/aws-lambda-java-core.jar:"+named+"/aws-lambda-java-runtime-interface-client.jar com.") {
		t.Errorf("a named folder: %q, %v", got, err)
	}
}

func TestJavaVersions(t *testing.T) {
	dir := t.TempDir()
	alone(t, dir)
	_, err := Lookup("java8.al2")
	var missing *MissingError
	if _, installed := os.Stat("/usr/lib/jvm"); installed != nil && (!errors.As(err, &missing) || !strings.Contains(err.Error(), "openjdk-8-jre-headless") || !strings.Contains(err.Error(), "COLDBENCH_JAVA")) {
		t.Errorf("without a JRE: %v", err)
	}
	jre(t, dir, "java8", "1.8.0_402")
	t.Setenv("COLDBENCH_JAVA", filepath.Join(dir, "java8"))
	for name, exact := range map[string]bool{"java8.al2": true, "java21": false} {
		r, err := Lookup(name)
		if err != nil || r.Exact != exact || r.Version != "Java 1.8.0_402" {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
		command, err := r.Command(Start{MemoryMB: 128})
		text := strings.Join(command, " ")
		if err != nil || strings.Contains(text, "--add-opens") || strings.Contains(text, "TieredStopAtLevel") != (name == "java21") {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
}
