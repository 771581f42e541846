package loadgen

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"coldbench/record"
)

// maxMetrics bounds a CloudWatch history, which is read as a whole: a month of
// minutes has some 5 MB.
const maxMetrics = 1 << 28

// metrics is what `aws cloudwatch get-metric-statistics` prints (Label and
// Datapoints, in no order of time), or get-metric-data (MetricDataResults).
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Datapoint.html
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataResult.html
type metrics struct {
	Label             string
	Datapoints        []datapoint
	MetricDataResults []metricResult
	NextToken         string
}

type datapoint struct {
	Timestamp stamp
	Sum       json.Number
	Unit      string
}

// metricResult is one series: Values[i] is of Timestamps[i].
type metricResult struct {
	ID         string `json:"Id"`
	Label      string
	Timestamps []stamp
	Values     []json.Number
	StatusCode string
}

// stamp is a time as text, or as a number of seconds.
type stamp string

// UnmarshalJSON takes a string or a number.
func (s *stamp) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, (*string)(s))
	}
	var n json.Number
	err := json.Unmarshal(b, &n)
	*s = stamp(n)
	return err
}

// notInvocations are metrics of AWS/Lambda whose sums are no arrivals. A series
// without a label of its own has the metric's name.
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
var notInvocations = []string{
	"Errors", "DeadLetterErrors", "DestinationDeliveryFailures", "Throttles", "OversizedRecordCount",
	"RecursiveInvocationsDropped", "Duration", "PostRuntimeExtensionsDuration", "IteratorAge", "OffsetLag",
	"ConcurrentExecutions", "ProvisionedConcurrentExecutions", "ProvisionedConcurrencyUtilization",
	"UnreservedConcurrentExecutions", "ClaimedAccountConcurrency", "AsyncEventAge", "AsyncEventsDropped",
}

// history is a CloudWatch history on its way to a trace.
type history struct {
	trace  Trace
	names  map[string]int
	counts []timedCount
	places []string          // of the counts
	times  span              // places by their index
	status map[string]string // the last one, by series
}

// readMetrics reads the sums of Invocations that the AWS CLI prints as JSON:
// one answer of get-metric-statistics or get-metric-data, or several in turn,
// since one of the former holds a day of minutes at most. Each series is a
// function, named by its label. Errors name the place in the file as a path.
func readMetrics(r io.Reader, name string, window time.Duration) (*Trace, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxMetrics+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case len(text) > maxMetrics:
		return nil, fmt.Errorf("%s: a history of more than %d MB", name, maxMetrics>>20)
	}
	h := &history{names: map[string]int{}, status: map[string]string{}}
	d := json.NewDecoder(bytes.NewReader(text))
	for n := 1; d.More(); n++ {
		var m metrics
		begin := d.InputOffset()
		if err := d.Decode(&m); err != nil {
			return nil, fmt.Errorf("%s:%d: %s", name, lineOf(text, begin, err), strings.TrimPrefix(err.Error(), "json: "))
		}
		prefix := name + ": "
		if n > 1 {
			prefix = fmt.Sprintf("%s: answer %d: ", name, n)
		}
		if err := h.add(&m, prefix); err != nil {
			return nil, err
		}
	}
	for series, status := range h.status {
		if status != "" && status != "Complete" {
			return nil, fmt.Errorf("%s: the series %q is %s: ask for it again", name, series, status)
		}
	}
	if i, err := h.trace.fill(h.counts, window); err != nil {
		return nil, fmt.Errorf("%s: %w", h.places[i], err)
	}
	h.trace.Format = fmt.Sprintf("a CloudWatch history, sums of %v", h.trace.window)
	return &h.trace, nil
}

// lineOf says where a decoder's error is.
func lineOf(text []byte, begin int64, err error) int {
	at := int64(len(text))
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &kind):
		at = begin + kind.Offset
	}
	return 1 + bytes.Count(text[:min(at, int64(len(text)))], []byte("\n"))
}

func (h *history) add(m *metrics, place string) error {
	switch {
	case m.NextToken != "":
		return fmt.Errorf("%sNextToken: more follows: ask without --max-items and --no-paginate", place)
	case m.MetricDataResults != nil:
		for i, r := range m.MetricDataResults {
			if err := h.addResult(&r, fmt.Sprintf("%sMetricDataResults[%d]", place, i)); err != nil {
				return err
			}
		}
		return nil
	case m.Datapoints == nil:
		return fmt.Errorf("%sneither Datapoints nor MetricDataResults: want what aws cloudwatch get-metric-statistics or get-metric-data print", place)
	}
	f, err := h.series(m.Label, place+"Label")
	if err != nil {
		return err
	}
	for i, p := range m.Datapoints {
		at := fmt.Sprintf("%sDatapoints[%d]", place, i)
		switch {
		case p.Sum == "":
			return fmt.Errorf("%s: it has no Sum: ask with --statistics Sum", at)
		case p.Unit != "" && p.Unit != "Count":
			return fmt.Errorf("%s: the unit is %.40q, not Count: ask for --metric-name Invocations", at, p.Unit)
		}
		if err := h.count(f, p.Timestamp, p.Sum, at); err != nil {
			return err
		}
	}
	return nil
}

func (h *history) addResult(r *metricResult, place string) error {
	if len(r.Timestamps) != len(r.Values) {
		return fmt.Errorf("%s: %d Timestamps and %d Values", place, len(r.Timestamps), len(r.Values))
	}
	name := cmp.Or(r.Label, r.ID)
	h.status[cmp.Or(r.ID, r.Label)] = r.StatusCode
	f, err := h.series(name, place+".Label")
	if err != nil {
		return err
	}
	for i, v := range r.Values {
		if err := h.count(f, r.Timestamps[i], v, fmt.Sprintf("%s.Values[%d]", place, i)); err != nil {
			return err
		}
	}
	return nil
}

func (h *history) series(label, place string) (function int, err error) {
	if slices.Contains(notInvocations, label) {
		return 0, fmt.Errorf("%s: %s are no arrivals: ask for the metric Invocations", place, label)
	}
	if function, err = h.trace.functionNamed(label, h.names); err != nil {
		err = fmt.Errorf("%s: %w", place, err)
	}
	return function, err
}

func (h *history) count(function int, at stamp, sum json.Number, place string) error {
	begin, err := instantOf(string(at), false)
	if err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	n, err := countOf(sum.String())
	if err != nil {
		return fmt.Errorf("%s: %w: ask for the statistic Sum", place, err)
	}
	h.counts = append(h.counts, timedCount{begin, function, n, len(h.places)})
	h.places = append(h.places, place)
	if t := &h.times; !t.add(begin, len(h.places)-1) {
		return fmt.Errorf("the times of %s (earliest) and %s (latest) span more than %v", h.places[t.firstAt], h.places[t.lastAt], record.MaxDuration)
	}
	return nil
}
