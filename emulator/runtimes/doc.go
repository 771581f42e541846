// Package runtimes maps Lambda's runtime identifiers to what this machine can
// really run.
//
//  1. Lookup finds the interpreter of an identifier such as nodejs22.x or
//     python3.12: the exact version where there is one (in PATH, or kept by
//     nvm, pyenv or SDKMAN), else whatever node, python3 or java is.
//     Runtime.Version says what will run and Runtime.Exact whether it is what
//     was asked for. An interpreter can be set by COLDBENCH_NODE,
//     COLDBENCH_PYTHON and COLDBENCH_JAVA. A missing one is a *MissingError that
//     says what was tried and how to get it.
//  2. Install writes two small bootstraps of ours, which are embedded here: one
//     for Node.js, one for Python (and a file for handlers that stream). They
//     find the handler, speak the Runtime API and word errors and log lines as
//     Lambda's own runtimes do.
//  3. Runtime.Command gives the command line for a function. For provided.al2
//     and provided.al2023 that is the executable named bootstrap in the code;
//     for Java, AWS's runtime client, which the user gives.
//
// The bootstraps expect Lambda's environment variables: AWS_LAMBDA_RUNTIME_API,
// _HANDLER, LAMBDA_TASK_ROOT, and for the context AWS_LAMBDA_FUNCTION_NAME and
// its companions.
//
// What differs from Lambda's own runtimes: the interpreter is this machine's
// build and not Amazon Linux's, there is no AWS SDK unless it is installed or
// in the package, and the bootstraps speak HTTP in their own language rather
// than in C++. Init durations are therefore those of this machine and are
// labelled as emulated by whoever prints them.
package runtimes
