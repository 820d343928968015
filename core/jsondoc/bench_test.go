package jsondoc

import (
	"encoding/json"
	"testing"
)

const benchText = `{"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-bf3703467718","detail-type":"Order placed","source":"com.example.shop",` +
	`"account":"123456789012","time":"2026-11-22T18:43:48Z","region":"eu-north-1","resources":["arn:aws:shop:eu-north-1:123456789012:order/9007199254740993"],` +
	`"detail":{"type":"order","account":"account-7","path":"shops/7/orders/2026/11/22","id":9007199254740993,"total":1299.50,"currency":"EUR",` +
	`"customer":{"name":"Ada Lovelace","tier":"gold","email":"ada@example.com","address":{"street":"12 St James's Square","city":"London","zip":"SW1Y 4JH"}},` +
	`"lines":[{"sku":"A-1001","n":1,"price":999.50},{"sku":"B-2002","n":2,"price":150.00}],"note":"leave the parcel with the neighbours","paid":true}}`

// BenchmarkMessage is the cost of one text of 800 bytes, beside encoding/json, which only checks it.
func BenchmarkMessage(b *testing.B) {
	b.Run("jsondoc", func(b *testing.B) {
		d := new(Document)
		b.SetBytes(int64(len(benchText)))
		b.ReportAllocs()
		for b.Loop() {
			if err := d.Parse(benchText); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("json-valid", func(b *testing.B) {
		text := []byte(benchText)
		b.SetBytes(int64(len(benchText)))
		for b.Loop() {
			if !json.Valid(text) {
				b.Fatal("not valid")
			}
		}
	})
}
