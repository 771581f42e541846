package runtimes

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Java functions run on a JRE of this machine and on AWS's own runtime client,
// which this program does not bring along: its jars are in the folder that
// COLDBENCH_JAVA_CLIENT names, or in the package's lib folder.

const javaClientFolder = "COLDBENCH_JAVA_CLIENT"

// javaJars are the jars of the client, by how their names begin.
// Source: the command line of the managed runtime, below.
var javaJars = []string{"aws-lambda-java-core", "aws-lambda-java-runtime-interface-client", "aws-lambda-java-serialization"}

// needless is the one that a client of an older or another make has inside.
const needless = "aws-lambda-java-serialization"

// ClientError is returned for a Java function where AWS's runtime client is
// neither in its package nor in the folder for it.
type ClientError struct {
	Name    string // the runtime
	Looked  string // the folder
	Missing string // the jar
}

func (e *ClientError) Error() string {
	return fmt.Sprintf("runtime %s: no %s-*.jar in %s; download com.amazonaws:aws-lambda-java-runtime-interface-client, "+
		"aws-lambda-java-core and aws-lambda-java-serialization from Maven Central into one folder and name that with %s=DIR, or put them into lib/ of the package",
		e.Name, e.Missing, e.Looked, javaClientFolder)
}

// java gives the command line of the managed runtime, as functions on it have
// printed it (Java 17, 512 MB, October 2024; public notes on AppCDS):
//
//	/var/lang/bin/java -XX:MaxHeapSize=445645k -javaagent:.../Log4jHotPatch.jar -XX:+UseSerialGC -Xshare:on
//	-XX:SharedArchiveFile=/var/lang/lib/server/runtime.jsa -XX:+TieredCompilation -XX:TieredStopAtLevel=1
//	--add-opens=java.base/java.io=ALL-UNNAMED -Dorg.crac.Core.Compat=com.amazonaws.services.lambda.crac
//	-XX:+ErrorFileToStderr -D...NativeClient.JNI=... -classpath CORE:CLIENT:SERIALIZATION
//	com.amazonaws.services.lambda.runtime.api.client.AWSLambda HANDLER
//
// 445,645 kB are 85 % of 512 MB, and we take that share at every size. The agent,
// the archive of shared classes and the client's library are Amazon's and left
// out: the JRE's own archive is used, and the client unpacks its library itself.
// The function's classes are no part of the class path: the client loads them
// from the working directory, its lib folder and /opt/java/lib.
func (r Runtime) java(s Start) ([]string, error) {
	jars, err := r.javaClient(s.CodeDir)
	if err != nil {
		return nil, err
	}
	command := []string{r.Interpreter, "-XX:MaxHeapSize=" + strconv.Itoa((s.MemoryMB*1024*85+50)/100) + "k", "-XX:+UseSerialGC"}
	// Java 8 and 11 run with the JVM's own settings. Source: AWS Lambda developer
	// guide, "Customize Java runtime startup behavior".
	if wants := names[r.Name].version; wants != "8" && wants != "11" {
		command = append(command, "-XX:+TieredCompilation", "-XX:TieredStopAtLevel=1")
	}
	if !strings.HasPrefix(r.Version, product[Java]+"1.8") {
		command = append(command, "--add-opens=java.base/java.io=ALL-UNNAMED", "-XX:+ErrorFileToStderr")
	}
	return append(command, "-Dorg.crac.Core.Compat=com.amazonaws.services.lambda.crac", "-Djava.net.preferIPv4Stack=true",
		"-classpath", strings.Join(jars, string(os.PathListSeparator)), "com.amazonaws.services.lambda.runtime.api.client.AWSLambda", s.Handler), nil
}

// javaClient finds the client's jars; none are looked for without a code folder.
func (r Runtime) javaClient(codeDir string) (jars []string, err error) {
	if codeDir == "" {
		return nil, nil
	}
	dir := filepath.Join(codeDir, "lib")
	missing := &ClientError{Name: r.Name, Looked: "lib/ of the package"}
	if named := os.Getenv(javaClientFolder); named != "" {
		if dir, err = filepath.Abs(named); err != nil {
			return nil, fmt.Errorf("runtime %s: %s: %w", r.Name, javaClientFolder, err)
		}
		missing.Looked = dir
	}
	for _, name := range javaJars {
		found, err := filepath.Glob(filepath.Join(dir, name+"*.jar"))
		if err != nil {
			return nil, fmt.Errorf("runtime %s: %s: %w", r.Name, dir, err)
		}
		if len(found) == 0 && name != needless {
			missing.Missing = name
			return nil, missing
		}
		jars = append(jars, found...)
	}
	return jars, nil
}

// javaCandidates are programs, those of the exact version first.
func javaCandidates(version, home string) (list []string) {
	list = append(list, glob("/usr/lib/jvm", "*-"+version+"-*/bin/java")...)
	list = append(list, glob("/usr/lib/jvm", "*-1."+version+".*/bin/java")...)
	list = append(list, glob(filepath.Join(home, ".sdkman/candidates/java"), version+".*/bin/java")...)
	if home := os.Getenv("JAVA_HOME"); home != "" {
		list = append(list, filepath.Join(home, "bin", "java"))
	}
	return append(list, "java")
}

// javaVersion reads what java -XshowSettings:properties prints: the path that
// java starts from and its version, 1.8.0 for Java 8.
func javaVersion(out string) (path, version string) {
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(line, "=")
		switch strings.TrimSpace(name) {
		case "java.home":
			path = filepath.Join(strings.TrimSpace(value), "bin", "java")
		case "java.version":
			version = strings.TrimSpace(value)
		}
	}
	return path, version
}
