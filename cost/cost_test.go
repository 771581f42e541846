package cost_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"coldbench/cost"
)

func tariff(t *testing.T, region string) *cost.Tariff {
	t.Helper()
	tr, err := cost.For(region)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// near compares dollars to a relative 1e-9: the sums are in binary fractions.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-9*math.Abs(want)) {
		t.Errorf("%s = %.12g, want %.12g", what, got, want)
	}
}

func TestGBSeconds(t *testing.T) {
	for _, c := range []struct{ ms, mb, want float64 }{
		{1000, 1024, 1},
		{1, 128, 0.000125},       // 0.001 s * 0.125 GB
		{100, 512, 0.05},         // 0.1 s * 0.5 GB
		{1_000_000, 10_240, 1e4}, // 1000 s * 10 GB
		{0, 512, 0},
	} {
		near(t, "GBSeconds", cost.GBSeconds(c.ms, c.mb), c.want)
	}
	// 1,024 MB of /tmp: 512 MB of it is charged, for 2 s.
	near(t, "EphemeralGBSeconds", cost.EphemeralGBSeconds(2000, 1024), 1)
	near(t, "EphemeralGBSeconds", cost.EphemeralGBSeconds(2000, 512), 0)
}

// 240 requests at 512 MB, each billed 100 ms, with no free tier:
//
//	240 * $0.0000002                    = $0.000048
//	240 * 0.1 s * 0.5 GB = 12 GB-s
//	12 GB-s * $0.0000166667             = $0.0002000004
//	sum                                   $0.0002480004
func TestBillOfARun(t *testing.T) {
	b := tariff(t, "us-east-1").Bill(cost.Usage{
		Invocations: 240, GBSecondsX86: 240 * cost.GBSeconds(100, 512),
	})
	near(t, "USD", b.USD, 0.0002480004)
	near(t, "GBSeconds", b.GBSeconds, 12)
	if b.Tariff != "us-east-1 2026-10-04" || b.Invocations != 240 || !b.Complete() || len(b.Lines) != 2 {
		t.Errorf("bill = %+v", b)
	}
	for _, l := range b.Lines {
		if l.Source != "noble" || l.Date != "2026-10-04" {
			t.Errorf("line %q: source %q of %q", l.What, l.Source, l.Date)
		}
	}
	// The same in arm: 12 GB-s * $0.0000133334 = $0.0001600008.
	b = tariff(t, "us-east-1").Bill(cost.Usage{Invocations: 240, GBSecondsArm: 12})
	near(t, "USD", b.USD, 0.000048+0.0001600008)
}

// The duration price of 1 vCPU for an hour, and of a million requests of 100 ms
// at 512 MB:
//
//	3600 s * 1769/1024 GB * $0.0000166667 = $0.1036525
//	1e6 * (0.05 GB-s * $0.0000166667 + $0.0000002) = $1.033335
func TestBillRates(t *testing.T) {
	us := tariff(t, "us-east-1")
	near(t, "1 vCPU-h", us.Bill(cost.Usage{GBSecondsX86: cost.GBSeconds(3.6e6, 1769)}).USD, 3600*1769.0/1024*0.0000166667)
	near(t, "1M requests", us.Bill(cost.Usage{Invocations: 1e6, GBSecondsX86: 1e6 * cost.GBSeconds(100, 512)}).USD, 1.033335)
}

// The three on-demand examples of the AWS Lambda pricing page (2026), us-east-1,
// x86, to the cent that the page gives.
func TestPublishedExamples(t *testing.T) {
	us := tariff(t, "us-east-1")
	for _, c := range []struct {
		name        string
		tariff      *cost.Tariff
		requests    int64
		ms, mb, tmp float64
		usd         float64
	}{
		// 3M * 0.12 s * 1.5 GB = 540,000 - 400,000 free = 140,000 GB-s: $2.33; 2M requests: $0.40.
		{"mobile backend", us.WithFreeTier(), 3e6, 120, 1536, 512, 2.73},
		// 7.44M * 2 s * 1 GB = 14.88M GB-s: $248.00; 7.44M requests: $1.49. No free tier.
		{"telemetry", us, 7_440_000, 2000, 1024, 512, 249.49},
		// 6M * 0.28 s * 4 GB = 6,720,000 - 400,000 free: $105.33; 5M requests: $1.00;
		// /tmp 1,680,000 s * 1.5 GB = 2,520,000 GB-s at $0.0000000309: $0.08.
		{"support tickets", us.WithFreeTier(), 6e6, 280, 4096, 2048, 106.41},
	} {
		n := float64(c.requests)
		b := c.tariff.Bill(cost.Usage{
			Invocations:        c.requests,
			GBSecondsX86:       n * cost.GBSeconds(c.ms, c.mb),
			EphemeralGBSeconds: n * cost.EphemeralGBSeconds(c.ms, c.tmp),
		})
		if got := math.Round(b.USD*100) / 100; got != c.usd || !b.Complete() {
			t.Errorf("%s: $%.2f (%v), published $%.2f", c.name, got, b.Errors, c.usd)
		}
	}
}

// 20 G GB-s in x86: 6 G at 16.6667, 9 G at 15, 5 G at 13.3334 dollars per M:
// 100,000.20 + 135,000 + 66,667 = $301,667.20.
// In arm the bounds are 7.5 G and 18.75 G: 7.5 G at 13.3334, 11.25 G at 12.0001,
// 1.25 G at 10.6667: 100,000.50 + 135,001.125 + 13,333.375 = $248,335.
func TestTiers(t *testing.T) {
	us := tariff(t, "us-east-1")
	b := us.Bill(cost.Usage{GBSecondsX86: 20e9})
	near(t, "x86", b.USD, 301_667.20)
	if len(b.Lines) != 3 || b.Lines[2].Quantity != 5e9 || b.Lines[2].What != "duration x86_64, tier 3" {
		t.Errorf("lines = %+v", b.Lines)
	}
	near(t, "arm", us.Bill(cost.Usage{GBSecondsArm: 20e9}).USD, 248_335)
	if b := us.Bill(cost.Usage{GBSecondsX86: 6e9}); len(b.Lines) != 1 {
		t.Errorf("exactly the first tier: %d lines, want 1", len(b.Lines))
	}
}

func TestEphemeralStorage(t *testing.T) {
	// 1e6 GB-s * $0.0000000309 = $0.0309
	b := tariff(t, "us-east-1").Bill(cost.Usage{EphemeralGBSeconds: 1e6})
	near(t, "USD", b.USD, 0.0309)
	if b.Lines[0].Source != "mcp" || b.Lines[0].Date != "2025-10-28" {
		t.Errorf("line = %+v", b.Lines[0])
	}
}

// A price that is null, or that the table does not have, is an error and never 0.
func TestUnknownPrices(t *testing.T) {
	for _, c := range []struct {
		region, what string
		usage        cost.Usage
		usd          float64
	}{
		{"eu-west-1", "ephemeral storage above 512 MB", cost.Usage{GBSecondsX86: 1, EphemeralGBSeconds: 2}, 0.0000166667},
		{"af-south-1", "requests", cost.Usage{Invocations: 3, GBSecondsX86: 1}, 0.0000221},
		{"ap-northeast-1", "duration x86_64 beyond the first tier", cost.Usage{GBSecondsX86: 7e9}, 6e9 * 0.0000166667},
	} {
		b := tariff(t, c.region).Bill(c.usage)
		near(t, c.region, b.USD, c.usd)
		var unknown *cost.UnknownPriceError
		if b.Complete() || !errors.As(b.Errors[0], &unknown) || unknown.What != c.what {
			t.Errorf("%s: errors = %v, want one of %s", c.region, b.Errors, c.what)
		} else if !strings.Contains(unknown.Error(), "not known") {
			t.Errorf("%s: %v: does not say \"not known\"", c.region, unknown)
		}
		for _, l := range b.Lines {
			if l.What == c.what {
				t.Errorf("%s: line for an unknown price: %+v", c.region, l)
			}
		}
	}
}

func TestInvalidQuantities(t *testing.T) {
	for _, u := range []cost.Usage{
		{Invocations: -1},
		{GBSecondsX86: math.NaN()},
		{GBSecondsArm: math.Inf(1)},
		{EphemeralGBSeconds: -2},
	} {
		b := tariff(t, "us-east-1").Bill(u)
		if b.Complete() || len(b.Lines) != 0 || b.USD != 0 {
			t.Errorf("Bill(%+v) = %+v, want one error and no line", u, b)
		}
	}
}

func TestNothingUsed(t *testing.T) {
	b := tariff(t, "us-east-1").Bill(cost.Usage{})
	if b.USD != 0 || len(b.Lines) != 0 || !b.Complete() {
		t.Errorf("bill = %+v", b)
	}
}

func TestFreeTier(t *testing.T) {
	free := tariff(t, "us-east-1").WithFreeTier()
	// 300,000 GB-s in x86 leave 100,000 free for arm: 50,000 of its 150,000 cost.
	b := free.Bill(cost.Usage{Invocations: 1e6, GBSecondsX86: 300_000, GBSecondsArm: 150_000})
	near(t, "USD", b.USD, 50_000*0.0000133334)
	if b.Tariff != "us-east-1 2026-10-04 with free tier" || b.GBSeconds != 450_000 {
		t.Errorf("bill = %+v", b)
	}
	// Where it isn't known it is not applied, and the bill says so.
	b = tariff(t, "ap-northeast-1").WithFreeTier().Bill(cost.Usage{Invocations: 1e6})
	near(t, "USD", b.USD, 0.2)
	if len(b.Errors) != 1 {
		t.Errorf("errors = %v, want one", b.Errors)
	}
}

func TestRegions(t *testing.T) {
	want := []string{
		"af-south-1", "ap-east-1", "ap-northeast-1", "ap-northeast-2", "eu-south-1", "eu-west-1",
		"me-central-1", "me-south-1", "us-east-1", "us-east-2",
	}
	if got := cost.Regions(); !slices.Equal(got, want) {
		t.Fatalf("Regions() = %v, want %v", got, want)
	}
	for _, name := range want {
		b := tariff(t, name).Bill(cost.Usage{Invocations: 1, GBSecondsX86: 1, GBSecondsArm: 1})
		for _, l := range b.Lines {
			if s, ok := cost.Cite(l.Source); !ok || s.What == "" || l.Date == "" || !(l.Price > 0) {
				t.Errorf("%s: line %+v: source %+v", name, l, s)
			}
		}
		if b.USD <= 0 {
			t.Errorf("%s: nothing billed", name)
		}
	}
}

// us-east-2 has the prices of us-east-1 under the source that says so.
func TestAliasRegion(t *testing.T) {
	b := tariff(t, "us-east-2").Bill(cost.Usage{GBSecondsX86: 7e9})
	near(t, "USD", b.USD, 6e9*0.0000166667+1e9*0.000015)
	if b.Tariff != "us-east-2 2026-10-05" || b.Lines[0].Source != "plist_use2" {
		t.Errorf("bill = %+v", b)
	}
	if us1 := tariff(t, "us-east-1"); us1.String() != "us-east-1 2026-10-04" {
		t.Errorf("the alias changed %s", us1)
	}
}

func TestUnknownRegion(t *testing.T) {
	for region, want := range map[string]string{
		"mars-1":                "not in the price table",
		"":                      "not in the price table",
		"cn":                    "CNY",
		"ap-northeast-3":        "no price per GB-s",
		"default_other_regions": "no price per GB-s",
	} {
		_, err := cost.For(region)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "eu-west-1, me-central-1") {
			t.Errorf("For(%q): %v; want %q and the known regions", region, err, want)
		}
	}
	if _, ok := cost.Cite("nobody"); ok {
		t.Error("Cite of an unknown key")
	}
}

// Where a table is uncertain of a price, the line says so.
func TestUncertainPriceIsNoted(t *testing.T) {
	b := tariff(t, "ap-northeast-1").Bill(cost.Usage{GBSecondsArm: 1})
	if b.Lines[0].Note != "arm read for the default price only" {
		t.Errorf("line = %+v", b.Lines[0])
	}
}
