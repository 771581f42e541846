package loadgen_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"coldbench/loadgen"
)

// statistics has the shape of get-metric-statistics, out of order as it comes:
// 5-minute sums, one of them missing.
const statistics = `{
    "Label": "Invocations",
    "Datapoints": [
        {
            "Timestamp": "2026-01-01T00:15:00+00:00",
            "Sum": 3.0,
            "Unit": "Count"
        },
        {
            "Timestamp": "2026-01-01T00:00:00+00:00",
            "Sum": 2.0,
            "Unit": "Count"
        },
        {
            "Timestamp": "2026-01-01T00:05:00Z",
            "Sum": 1.0,
            "Unit": "Count"
        }
    ]
}
`

// metricData has the shape of get-metric-data, newest first, in two parts.
const metricData = `{
    "MetricDataResults": [
        {"Id": "a", "Label": "checkout", "Timestamps": ["2026-01-01T02:00:00+00:00", "2026-01-01T01:00:00+00:00"], "Values": [7.0, 5.0], "StatusCode": "PartialData"},
        {"Id": "b", "Label": "login", "Timestamps": ["2026-01-01T01:00:00+00:00"], "Values": [1.0], "StatusCode": "Complete"},
        {"Id": "a", "Label": "checkout", "Timestamps": [1767222000], "Values": [4e0], "StatusCode": "Complete"}
    ],
    "Messages": []
}
`

func TestMetricStatistics(t *testing.T) {
	tr := trace(t, statistics)
	p := loadgen.Describe(tr.Schedule(1, 1, 1), 5*time.Minute)
	if !slices.Equal(p.Counts, []int64{2, 1, 0, 3}) || tr.Duration != 20*time.Minute || !slices.Equal(tr.Functions, []string{"Invocations"}) {
		t.Errorf("%v in %v of %v", p.Counts, tr.Duration, tr.Functions)
	}
	// An answer holds 1,440 sums at most: a longer history is several in turn.
	day := trace(t, statistics+strings.ReplaceAll(statistics, "2026-01-01", "2026-01-02"))
	if day.Count != 12 || day.Duration != 24*time.Hour+20*time.Minute {
		t.Errorf("%d in %v", day.Count, day.Duration)
	}
	minutes, err := loadgen.ReadTrace(strings.NewReader(statistics), "t.json", time.Minute)
	if err != nil || minutes.Duration != 16*time.Minute || minutes.Count != 6 {
		t.Errorf("%+v, %v", minutes, err)
	}
}

func TestMetricData(t *testing.T) {
	tr := trace(t, metricData) // from 2025-12-31T23:00:00Z on
	if tr.Count != 17 || tr.Duration != 4*time.Hour || !slices.Equal(tr.Functions, []string{"checkout", "login"}) {
		t.Fatalf("%d in %v of %v", tr.Count, tr.Duration, tr.Functions)
	}
	var got [4][2]int
	for a := range tr.Schedule(1, 1, 2) {
		got[a.At/time.Hour][a.Function]++
	}
	if want := [4][2]int{{4, 0}, {}, {5, 1}, {7, 0}}; got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestFaultyMetrics(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"{", "t.csv:1: unexpected EOF"},
		{"{\n\"Datapoints\": [{\n\"Sum\": x}]}", "t.csv:3: invalid character 'x'"},
		{"{\n\"Datapoints\": [\n{\"Sum\": []}]}", "t.csv:3: cannot unmarshal array"},
		{"{\"Metrics\": []}", "t.csv: neither Datapoints nor MetricDataResults: want what aws cloudwatch get-metric-statistics"},
		{strings.Replace(statistics, "Invocations", "Errors", 1), "t.csv: Label: Errors are no arrivals: ask for the metric Invocations"},
		{strings.Replace(statistics, `"Sum": 2.0`, `"Average": 2.0`, 1), "t.csv: Datapoints[1]: it has no Sum: ask with --statistics Sum"},
		{strings.Replace(statistics, `"Count"`, `"Milliseconds"`, 1), "t.csv: Datapoints[0]: the unit is \"Milliseconds\", not Count"},
		{strings.Replace(statistics, `2.0`, `2.5`, 1), "t.csv: Datapoints[1]: count \"2.5\": not a whole number: ask for the statistic Sum"},
		{strings.Replace(statistics, `2.0`, `-2`, 1), "t.csv: Datapoints[1]: count -2 is not in"},
		{strings.Replace(statistics, `T00:05:00Z`, `T00:05`, 1), "t.csv: Datapoints[2]: time \"2026-01-01T00:05\""},
		{strings.Replace(statistics, `T00:05:00Z`, `T00:06:00Z`, 1), "t.csv: Datapoints[0]: this time is 3m0s beyond a multiple of 6m0s after the first one: give the period"},
		{strings.Replace(statistics, `2026-01-01T00:05:00Z`, `2027-01-01T00:05:00Z`, 1), "the times of t.csv: Datapoints[1] (earliest) and t.csv: Datapoints[2] (latest) span more than"},
		{statistics + strings.Replace(statistics, `2.0`, `-2`, 1), "t.csv: answer 2: Datapoints[1]: count -2"},
		{strings.Replace(statistics, "{", `{"NextToken": "x",`, 1), "t.csv: NextToken: more follows"},
		{strings.Replace(metricData, "1.0]", "1.5]", 1), "t.csv: MetricDataResults[1].Values[0]: count \"1.5\""},
		{strings.Replace(metricData, "[1.0]", "[]", 1), "t.csv: MetricDataResults[1]: 1 Timestamps and 0 Values"},
		{strings.Replace(metricData, `"Complete"`, `"InternalError"`, 1), "t.csv: the series \"b\" is InternalError"},
		{strings.Replace(metricData, "login", "Duration", 1), "t.csv: MetricDataResults[1].Label: Duration are no arrivals"},
	} {
		_, err := loadgen.ReadTrace(strings.NewReader(c.text), "t.csv", 0)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60q: %v, want %q", c.text, err, c.want)
		}
	}
}
