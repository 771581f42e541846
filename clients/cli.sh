#!/bin/sh
# The AWS CLI against the emulator. In: AWS (the command), ENDPOINT, ZIP, NAME.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
aws() { "$AWS" --endpoint-url "$ENDPOINT" --region us-east-1 --output text "$@"; }
same() { [ "$1" = "$2" ] || { echo "$3: got '$1', want '$2'" >&2; exit 1; }; }
has() { case $1 in *"$2"*) ;; *) echo "$3: '$2' is not in: $1" >&2; exit 1 ;; esac; }
# The payload of a blob is a file, which means the same to versions 1 and 2.
printf '{"name":"cli"}' >event.json
printf '{"fail":true}' >fail.json

aws lambda create-function --function-name "$NAME" --runtime provided.al2023 --handler bootstrap --memory-size 512 --timeout 60 \
  --role arn:aws:iam::123456789012:role/any --zip-file "fileb://$ZIP" --query State >state
aws lambda wait function-active-v2 --function-name "$NAME"
same "$(aws lambda get-function-configuration --function-name "$NAME" --query '[State,MemorySize]')" "Active	512" get-function-configuration

aws lambda invoke --function-name "$NAME" --payload fileb://event.json --log-type Tail --query LogResult out.json >tail.b64
same "$(cat out.json)" '{"hello":"cli"}' invoke
has "$(base64 -d <tail.b64)" 'REPORT RequestId' 'tail of the log'
same "$(aws lambda invoke --function-name "$NAME" --payload fileb://fail.json --query FunctionError out.json)" Unhandled 'invoke with an error'
has "$(cat out.json)" 'told to fail' 'payload of the error'

same "$(aws lambda publish-version --function-name "$NAME" --query Version)" 1 publish-version
aws lambda wait published-version-active --function-name "$NAME" --qualifier 1
aws lambda create-alias --function-name "$NAME" --name live --function-version 1 >alias
same "$(aws lambda invoke --function-name "$NAME:live" --payload fileb://event.json --query ExecutedVersion out.json)" 1 'invoke of an alias'

aws lambda put-function-concurrency --function-name "$NAME" --reserved-concurrent-executions 0 >concurrency
if AWS_MAX_ATTEMPTS=1 aws lambda invoke --function-name "$NAME" --payload fileb://event.json out.json 2>err; then
  echo "invoke with a concurrency of 0 succeeds" >&2
  exit 1
fi
has "$(cat err)" TooManyRequestsException throttle
aws lambda delete-function-concurrency --function-name "$NAME"

url=$(aws lambda create-function-url-config --function-name "$NAME" --auth-type NONE --query FunctionUrl)
same "$(curl -fsS "$url")" '{"hello":""}' 'function URL'
aws lambda delete-function-url-config --function-name "$NAME"

group=/aws/lambda/$NAME
stream=$(aws logs describe-log-streams --log-group-name "$group" --order-by LastEventTime --descending --query 'logStreams[-1].logStreamName')
has "$(aws logs get-log-events --log-group-name "$group" --log-stream-name "$stream" --start-from-head --query 'events[].message')" 'greeting "cli"' get-log-events
same "$(aws logs filter-log-events --log-group-name "$group" --filter-pattern '"never said"' --query 'length(events)')" 0 'filter without a match'
has "$(aws logs filter-log-events --log-group-name "$group" --filter-pattern 'REPORT ?never' --query 'events[0].message')" 'Billed Duration' filter-log-events
query=$(aws logs start-query --log-group-name "$group" --start-time 0 --end-time 4102444800 \
  --query-string 'filter @type = "REPORT" | stats count(*) as n, max(@duration) >= 0 as timed' --query queryId)
until [ "$(aws logs get-query-results --query-id "$query" --query status)" = Complete ]; do sleep 0.2; done
same "$(aws logs get-query-results --query-id "$query" --query 'results[0][].value')" "4	1" 'Insights query'
case $("$AWS" --version 2>&1) in
  aws-cli/2*) has "$(aws logs tail "$group" --since 1h)" 'greeting "cli"' 'logs tail' ;;
  *) echo "skipped: logs tail, which version 1 does not have" ;;
esac

aws lambda delete-function --function-name "$NAME"
if aws lambda get-function --function-name "$NAME" 2>err; then
  echo "the function is still there" >&2
  exit 1
fi
has "$(cat err)" ResourceNotFoundException 'get-function of what is gone'
