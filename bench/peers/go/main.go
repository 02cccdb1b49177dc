// Go's net/http: one Client for all, each lane a goroutine.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

var (
	url         = flag.String("url", "", "")
	method      = flag.String("method", "GET", "")
	bodyFile    = flag.String("body-file", "", "")
	ca          = flag.String("ca", "", "")
	concurrency = flag.Int("concurrency", 1, "")
	warmup      = flag.Int64("warmup", 0, "")
	requests    = flag.Int64("requests", 1, "")
	expect      = flag.Int64("expect-bytes", 0, "")
	send        = flag.Int64("send-bytes", 0, "")
	rate        = flag.Float64("rate", 0, "")
	_           = flag.Int("reconnect", 0, "")
)

func microseconds(t syscall.Timeval) float64 { return float64(t.Sec)*1e6 + float64(t.Usec) }

// A body that is made as it is sent.
type endless struct{}

var piece = bytes.Repeat([]byte{'x'}, 512<<10)

func (endless) Read(into []byte) (int, error) { return copy(into, piece), nil }

func call(client *http.Client, body []byte) error {
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	if *send > 0 {
		reader = io.LimitReader(endless{}, *send)
	}
	request, err := http.NewRequest(*method, *url, reader)
	if err != nil {
		return err
	}
	if *send > 0 {
		request.ContentLength = *send
	}
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var got int64
	if *expect > 1<<20 {
		got, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, answer.Body, make([]byte, 512<<10))
	} else {
		var all []byte
		all, err = io.ReadAll(answer.Body)
		got = int64(len(all))
	}
	if err == nil && (answer.StatusCode != 200 || got != *expect) {
		err = fmt.Errorf("status %d, %d bytes", answer.StatusCode, got)
	}
	return err
}

// Makes so many calls; answers how long each took, and how many were wrong.
func run(client *http.Client, body []byte, calls int64) ([]time.Duration, int64) {
	took := make([]time.Duration, calls)
	var begun, wrong int64
	var lanes sync.WaitGroup
	for i := 0; i < *concurrency; i++ {
		lanes.Add(1)
		go func() {
			defer lanes.Done()
			for {
				n := atomic.AddInt64(&begun, 1)
				if n > calls {
					return
				}
				began := time.Now()
				if err := call(client, body); err != nil && atomic.AddInt64(&wrong, 1) == 1 {
					fmt.Fprintln(os.Stderr, "wrong:", err)
				}
				took[n-1] = time.Since(began)
			}
		}()
	}
	lanes.Wait()
	return took, wrong
}

// The same at a fixed rate, whether or not others have ended; what a call took is counted from when it was
// meant to begin.
func runOpen(client *http.Client, body []byte, calls int64) ([]time.Duration, int64) {
	took := make([]time.Duration, calls)
	var wrong int64
	var all sync.WaitGroup
	began := time.Now()
	for n := int64(0); n < calls; n++ {
		due := began.Add(time.Duration(float64(n) * 1e9 / *rate))
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
		}
		all.Add(1)
		go func(n int64) {
			defer all.Done()
			if err := call(client, body); err != nil && atomic.AddInt64(&wrong, 1) == 1 {
				fmt.Fprintln(os.Stderr, "wrong:", err)
			}
			took[n] = time.Since(due)
		}(n)
	}
	all.Wait()
	return took, wrong
}

func main() {
	flag.Parse()
	transport := &http.Transport{MaxIdleConns: 0, MaxIdleConnsPerHost: *concurrency}
	if *rate > 0 {
		transport.MaxConnsPerHost = *concurrency
	}
	if *ca != "" {
		pool := x509.NewCertPool()
		pem, err := os.ReadFile(*ca)
		if err != nil || !pool.AppendCertsFromPEM(pem) {
			os.Exit(2)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, ClientSessionCache: tls.NewLRUClientSessionCache(0)}
	}
	client := &http.Client{Transport: transport, Timeout: 100 * time.Second}
	var body []byte
	if *bodyFile != "" {
		var err error
		if body, err = os.ReadFile(*bodyFile); err != nil {
			os.Exit(2)
		}
	}
	run := run
	if *rate > 0 {
		run = runOpen
	}
	run(client, body, *warmup)
	var before, after syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	began := time.Now()
	took, wrong := run(client, body, *requests)
	seconds := time.Since(began).Seconds()
	syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	sort.Slice(took, func(a, b int) bool { return took[a] < took[b] })
	at := func(part float64) float64 {
		return float64(took[int(part*float64(len(took)-1))].Nanoseconds()) / 1000
	}
	n := float64(*requests)
	user := microseconds(after.Utime) - microseconds(before.Utime)
	kernel := microseconds(after.Stime) - microseconds(before.Stime)
	fmt.Printf("{\"calls\":%d,\"errors\":%d,\"seconds\":%f,\"calls_per_second\":%f,"+
		"\"cpu_us_per_call\":%f,\"user_us_per_call\":%f,\"p50_us\":%f,\"p90_us\":%f,\"p99_us\":%f,"+
		"\"p999_us\":%f,\"max_us\":%f}\n",
		*requests, wrong, seconds, n/seconds, (user+kernel)/n, user/n, at(0.5), at(0.9), at(0.99), at(0.999), at(1))
	if wrong > 0 {
		os.Exit(1)
	}
}
