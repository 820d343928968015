package config

import (
	"math/big"
	"net"
	"net/netip"

	"github.com/apparentlymart/go-cidr/cidr"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

var networkFunctions = []FunctionDoc{
	{
		Signature: "cidr_contains(prefix, ip)", Doc: `Reports whether the IP address is in the prefix, such as "10.0.0.0/8".`, impl: textFunc(cty.Bool, 2, cidrContains),
		Examples: []FunctionExample{{`cidr_contains("10.0.0.0/8", "10.1.2.3")`, `true`}},
	},
	{
		Signature: "cidrhost(prefix, n)", Doc: "Returns address number n of the prefix; a negative number counts from its end.", impl: typedFunc(cty.String, []cty.Type{cty.String, cty.Number}, nil, cidrHost),
		Examples: []FunctionExample{{`cidrhost("10.12.112.0/20", 16)`, `"10.12.112.16"`}, {`cidrhost("fd00:fd12:3456:7890::/64", 34)`, `"fd00:fd12:3456:7890::22"`}},
	},
}

var errPrefix = function.NewArgErrorf(0, `not a prefix such as "10.0.0.0/8"`)

func cidrContains(a []string) (cty.Value, error) {
	prefix, err := netip.ParsePrefix(a[0])
	if err != nil {
		return cty.NilVal, errPrefix
	}
	ip, err := netip.ParseAddr(a[1])
	if err != nil {
		return cty.NilVal, function.NewArgErrorf(1, "not an IP address")
	}
	return cty.BoolVal(prefix.Contains(ip.Unmap().WithZone(""))), nil
}

func cidrHost(args []cty.Value) (cty.Value, error) {
	_, prefix, err := net.ParseCIDR(args[0].AsString())
	if err != nil {
		return cty.NilVal, errPrefix
	}
	n, accuracy := args[1].AsBigFloat().Int(nil)
	if accuracy != big.Exact {
		return cty.NilVal, function.NewArgErrorf(1, "a whole number is needed")
	}
	ip, err := cidr.HostBig(prefix, n)
	if err != nil {
		return cty.NilVal, function.NewArgErrorf(1, "the prefix has no such address")
	}
	return cty.StringVal(ip.String()), nil
}
