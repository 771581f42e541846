package insights

import "testing"

// TestDocumentedQueries: the sample queries of the user guide and of the console,
// and those that operators of Lambda pass around, on the log of two invocations.
// Expectations are worked out by hand from queryTexts.
func TestDocumentedQueries(t *testing.T) {
	for _, c := range []struct{ query, want string }{
		// "Sample queries", "Queries for Lambda logs"; 79 and 80 MB used of 128 MB.
		{
			`filter @type = "REPORT"
    | stats max(@memorySize / 1000 / 1000) as provisonedMemoryMB,
        min(@maxMemoryUsed / 1000 / 1000) as smallestMemoryRequestMB,
        avg(@maxMemoryUsed / 1000 / 1000) as avgMemoryUsedMB,
        max(@maxMemoryUsed / 1000 / 1000) as maxMemoryUsedMB,
        provisonedMemoryMB - maxMemoryUsedMB as overProvisionedMB
`,
			"provisonedMemoryMB=128,smallestMemoryRequestMB=79,avgMemoryUsedMB=79.5,maxMemoryUsedMB=80,overProvisionedMB=48",
		},
		{
			`filter @type = "REPORT" |
    stats avg(@duration), max(@duration), min(@duration) by bin(5m)`,
			"bin(5m)=2026-11-23 10:00:00.000,avg(@duration)=698.8,max(@duration)=1394.6,min(@duration)=3",
		},
		{
			`fields @timestamp, @requestId, @logStream
| filter @type = "REPORT" and @duration > 1000
| sort @timestamp desc
| dedup @requestId
| limit 20`,
			"@timestamp=2026-11-23 10:03:00.000,@requestId=" + queryID1 + ",@logStream=s1",
		},
		// The console's samples for Lambda, which sort by.
		{"filter @type = \"REPORT\"\n| fields @requestId, @billedDuration\n| sort by @billedDuration desc", "@requestId=" + queryID1 + ",@billedDuration=1824.0;@requestId=" + queryID2 + ",@billedDuration=3.0"},
		{"fields @logStream | sort by @logStream desc, @timestamp asc | limit 2", "@logStream=s1;@logStream=s1"},
		// AWS Lambda operator guide, "Useful Insights queries".
		{
			`filter @type = "REPORT"
| stats sum(strcontains(@message, "Init Duration"))/count(*) * 100 as
  coldStartPct, avg(@duration)
  by bin(5m)`,
			"bin(5m)=2026-11-23 10:00:00.000,coldStartPct=50,avg(@duration)=698.8",
		},
		{
			`filter @type = "REPORT"
| stats
    avg(@billedDuration) as Average,
    percentile(@billedDuration, 99) as NinetyNinth,
    percentile(@billedDuration, 50) as Fiftieth
    by bin(30m)`,
			"bin(30m)=2026-11-23 10:00:00.000,Average=913.5,NinetyNinth=1824,Fiftieth=3",
		},
		{
			`fields @timestamp, @message
| filter @message like /Init Duration/
| parse 'Init Duration: * ms' as initDuration
| stats avg(initDuration), count() by bin(1d)`,
			"bin(1d)=2026-11-23 00:00:00.000,avg(initDuration)=428.6,count()=1",
		},
		{
			`filter @type="REPORT"
| fields @memorySize / 1000000 as memorySize
| filter @message like /(?i)(init duration)/
| parse @message /^REPORT.*Init Duration: (?<initDuration>.*) ms.*/
| parse @log /^(?<account>\d+):(?<functionName>.*)/
| stats count() as coldStarts, avg(initDuration) as avgInitDuration, max(initDuration) as maxIntDuration by functionName, memorySize`,
			"functionName=g,memorySize=128,coldStarts=1,avgInitDuration=428.6,maxIntDuration=428.60",
		},
		{"filter @type=\"REPORT\" | fields (@duration<50) as R50, (@duration>=50 and @duration<2000) as R2000 | stats sum(R50), sum(R2000)", "sum(R50)=1,sum(R2000)=1"},
		{"stats count(*) as n by ispresent(@initDuration) as coldstart, bin(1h) | sort n", "coldstart=1,bin(1h)=2026-11-23 10:00:00.000,n=1;coldstart=0,bin(1h)=2026-11-23 10:00:00.000,n=6"},
		{"fields @logStream | filter type=='platform.report' or record.metrics.big==1 | stats count() as logCount by @logStream", "@logStream=s1,logCount=1"},
		// "parse", its modes.
		{
			`FIELDS @message
    | PARSE @message "*\t*\t*\t*" as ts, id, loggingType, loggingMessage
    | FILTER loggingType IN ["ERROR", "INFO"]
    | DISPLAY loggingMessage, loggingType = "ERROR" as isError`,
			"loggingMessage=user=ann, ms=12,isError=0",
		},
		{`parse @message "user=*, ms=*" as @user, @ms | filter ispresent(@ms) | stats avg(@ms) by @user`, "@user=bob,avg(@ms)=7;@user=ann,avg(@ms)=12"},
		{`filter @message like /^user/ | parse @message /(\w)=/ as key multi | stats count(*) by key`, "key=r,count(*)=1;key=s,count(*)=1"},
		{`filter @type = "END" | parse @message /(nothing)/ as x multi | display @type, x`, "@type=END"},
		{`filter @message like "user=" | parse @message logfmt as lf | filter lf.ms > 7 | display lf.user, lf.ms`, "lf.user=ann,,lf.ms=12"},
		{`filter @message like /^user/ | parse csv as a, b, c | display a, b, c`, "a=user=bob,b=ms=7"},
		// "Data protection"; nothing is masked here.
		{"fields @timestamp, unmask(@message)\n| sort @timestamp desc\n| limit 1", "@timestamp=2026-11-23 10:06:00.000,unmask(@message)=user=bob, ms=7"},
		// "Datetime functions": a minute is the most that seconds make.
		{`filter @type = "END" | stats count(*) by bin(300s)`, "bin(300s)=2026-11-23 10:02:00.000,count(*)=1"},
		{`filter @type = "END" | stats count(*) by bin(90m)`, "bin(90m)=2026-11-23 10:00:00.000,count(*)=1"},
		{`filter toMillis(@timestamp) >= (now() * 1000 - 3300000) | stats count(*)`, "count(*)=2"},
		{"fields queryEndTime() - queryStartTime() as d, queryTimeRange() as r, queryEndTime() / 1000 - now() as z | limit 1", "d=3600000,r=3600000,z=0"},
		// "General functions", "Numeric operators".
		{`filter @type = "REPORT" | stats count(*) by if(@duration > 1000, "slow", "fast") as speed | sort speed`, "speed=fast,count(*)=1;speed=slow,count(*)=1"},
		{`fields case(1 > 2, "p", 2 > 1, "q", "r") as a, case(1 > 2, "p", "r") as b, case(1 > 2, "p") as c, round(2.567, 2) as d, round(-2.5) as e, toInt("3.9") as f, toInt(4294967296) as g, toLong(-3.9) as h, toNumber("12") as i, toDouble("x") as j, isNumeric("1x") as k | limit 1`, "a=q,b=r,d=2.57,e=-3,f=3,h=-3,i=12,k=0"},
		{`filter ok = true | fields messageSize("ü") as n, jsonArraySize("[1,2]") as s, jsonArrayContains("[1,\"x\"]", "x") as x, jsonArrayContains("no", "x") as y`, "n=2,s=2,x=1,y=0"},
		// "String functions", "IP address string functions".
		{`fields strcontains("FOO", "oo", true) as a, startsWith("ab", "a") as b, endsWith("ab", "a") as c, split("a,b", ",") as d, regexReplace("a1b22", "[0-9]+", "#") as e, urlencode("a b&") as f, urldecode("a+b%26") as g, base64encode("hi") as h, base64decode("aGk=") as i, base64decode("?") as j | limit 1`, `a=1,b=1,c=0,d=["a","b"],e=a#b#,f=a+b%26,g=a b&,h=aGk=,i=hi`},
		{`fields hexToAscii("48656c6c6f") as a, hexToDec("0xff") as b, decToHex(255) as c, decToHex(-255.9) as d, ipv4ToNumber("0.0.1.2") as e, isPrivateIP("172.16.0.1") as f, isPrivateIP("8.8.8.8") as g | limit 1`, "a=Hello,b=255,c=0xff,d=-0xff,e=258,f=1,g=0"},
	} {
		if got, _ := queryAnswer(t, c.query); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.query, got, c.want)
		}
	}
}

// TestSampleQueriesOfOtherServices: the rest of the user guide's page compiles.
func TestSampleQueriesOfOtherServices(t *testing.T) {
	for _, query := range []string{
		"fields @timestamp, @message | sort @timestamp desc | limit 25",
		"filter @message like /Exception/\n    | stats count(*) as exceptionCount by bin(1h)\n    | sort exceptionCount desc\n",
		"fields @message | filter @message not like /Exception/",
		"fields @timestamp, server, severity, message\n| sort @timestamp desc\n| dedup server, severity",
		"stats sum(packets) as packetsTransferred by srcAddr, dstAddr\n    | sort packetsTransferred  desc\n    | limit 15",
		"filter isIpv4InSubnet(srcAddr, \"192.0.2.0/24\")\n    | stats sum(bytes) as bytesTransferred by dstAddr\n    | sort bytesTransferred desc\n    | limit 15",
		"filter protocol=17 | stats count(*) by srcAddr",
		"filter logStatus=\"SKIPDATA\"\n    | stats count(*) by bin(1h) as t\n    | sort t\n",
		"fields @timestamp, srcAddr, dstAddr, srcPort, dstPort, protocol, bytes\n| filter logStream = 'vpc-flow-logs' and interfaceId = 'eni-0123456789abcdef0'\n| sort @timestamp desc\n| dedup srcAddr, dstAddr, srcPort, dstPort, protocol\n| limit 20",
		"stats count(*) by queryType, bin(1h)",
		"filter (eventName=\"StartInstances\" or eventName=\"StopInstances\") and awsRegion=\"us-east-2\"\n",
		"filter eventName=\"CreateUser\"\n    | fields awsRegion, requestParameters.userName, responseElements.user.arn\n",
		"filter eventName=\"UpdateTrail\" and ispresent(errorCode)\n    | stats count(*) by errorCode, errorMessage\n",
		"filter tlsDetails.tlsVersion in [ \"TLSv1\", \"TLSv1.1\" ]\n| stats count(*) as numOutdatedTlsCalls by userIdentity.accountId, tlsDetails.tlsVersion\n| sort eventSource, tlsDetails.tlsVersion\n",
		"fields @timestamp, status, ip, path, httpMethod\n| filter status>=400 and status<=499\n| sort @timestamp desc\n| limit 10",
		"filter (dstAddr like 'x.x.x.x' and srcAddr like 'y.y.') or (srcAddr like 'xxx.xx.xx.xx' and dstAddr not like 'y.y.')\n| stats sum(bytes) as bytesTransferred by srcAddr, dstAddr\n| sort bytesTransferred desc\n| limit 10\n",
		"fields @timestamp, @message\n| stats count(*) as numberOfEvents by `detail-type`\n| sort numberOfEvents desc",
		"parse @message \"user=*, method:*, latency := *\" as @user,\n    @method, @latency | stats avg(@latency) by @method,\n    @user",
		"parse @message /user=(?<user2>.*?), method:(?<method2>.*?),\n    latency := (?<latency2>.*?)/ | stats avg(latency2) by @method2,\n    @user2",
		"parse @message \"url=*\" as url\n| parse url \"/api/*/users/*\" as apiVersion, userId\n| display apiVersion, userId",
		"fields jsonParse(@message) as json_message\n| filter json_message.`user.id` = \"123\" or json_message.users[1].action = \"PutData\"\n| stats count() by json_message.status_code",
	} {
		if _, bad := Compile(query); bad != nil {
			t.Errorf("%s: %s", query, bad.Place(query))
		}
	}
}
