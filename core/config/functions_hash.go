package config

import (
	"crypto/hmac"
	"crypto/md5"  // as Terraform has it, and to name things that others named so
	"crypto/sha1" // likewise
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"

	"github.com/google/uuid"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

var hashFunctions = []FunctionDoc{
	{
		Signature: "md5(s)", Doc: "Returns the MD5 hash of the string in hexadecimal. MD5 is broken: use it only where somebody else demands it.", impl: hashFunc(md5.New),
		Examples: []FunctionExample{{`md5("abc")`, `"900150983cd24fb0d6963f7d28e17f72"`}},
	},
	{
		Signature: "sha1(s)", Doc: "Returns the SHA-1 hash of the string in hexadecimal. SHA-1 is broken: use it only where somebody else demands it.", impl: hashFunc(sha1.New),
		Examples: []FunctionExample{{`sha1("abc")`, `"a9993e364706816aba3e25717850c26c9cd0d89d"`}},
	},
	{
		Signature: "sha256(s)", Doc: "Returns the SHA-256 hash of the string in hexadecimal.", impl: hashFunc(sha256.New),
		Examples: []FunctionExample{{`sha256("abc")`, `"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"`}},
	},
	{
		Signature: "sha512(s)", Doc: "Returns the SHA-512 hash of the string in hexadecimal.", impl: hashFunc(sha512.New),
		Examples: []FunctionExample{{`substr(sha512("abc"), 0, 16)`, `"ddaf35a193617aba"`}},
	},
	{
		Signature: "hmac_sha256(key, s)", Doc: "Returns the HMAC-SHA-256 of the string under a key, in hexadecimal. Rules cannot use a secret, so the key of a rule is no secret.", impl: textFunc(cty.String, 2, hmacSHA256),
		Examples: []FunctionExample{{`hmac_sha256("Jefe", "what do ya want for nothing?")`, `"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"`}},
	},
	{
		Signature: "uuidv5(namespace, name)", Doc: `Returns the name-based UUID of a name: always the same one. The namespace is a UUID, or "dns", "url", "oid" or "x500".`, impl: textFunc(cty.String, 2, uuidV5),
		Examples: []FunctionExample{{`uuidv5("dns", "www.example.com")`, `"2ed6657d-e927-568b-95e1-2665a8aea6a2"`}},
	},
}

func hashFunc(make func() hash.Hash) function.Function {
	return textFunc(cty.String, 1, func(a []string) (cty.Value, error) {
		h := make()
		h.Write([]byte(a[0]))
		return cty.StringVal(hex.EncodeToString(h.Sum(nil))), nil
	})
}

func hmacSHA256(a []string) (cty.Value, error) {
	h := hmac.New(sha256.New, []byte(a[0]))
	h.Write([]byte(a[1]))
	return cty.StringVal(hex.EncodeToString(h.Sum(nil))), nil
}

var namespaces = map[string]uuid.UUID{"dns": uuid.NameSpaceDNS, "url": uuid.NameSpaceURL, "oid": uuid.NameSpaceOID, "x500": uuid.NameSpaceX500}

func uuidV5(a []string) (cty.Value, error) {
	space, ok := namespaces[a[0]]
	if !ok {
		parsed, err := uuid.Parse(a[0])
		if err != nil {
			return cty.NilVal, function.NewArgErrorf(0, `a UUID, "dns", "url", "oid" or "x500" is needed`)
		}
		space = parsed
	}
	return cty.StringVal(uuid.NewSHA1(space, []byte(a[1])).String()), nil
}
