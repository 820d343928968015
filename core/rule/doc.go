// Package rule compiles the rules of a configuration and matches envelopes against them. It is pure: no I/O, no clock, no
// goroutine.
//
// # What an expression sees
//
// event has id, source, kind, type, subject, time, received, content_type, hop_count, attributes and data. time and received
// are RFC 3339 in UTC without trailing zeros; time is null when the sender did not set it. attributes is a map of strings. data is
// the protobuf message of the source's kind under its own field names: a nested message is an object, an optional field that
// is not set is null, a list of name/value messages (the attributes of an SNS message) is a map from name to value, and
// a pointsman.v1.Json is the JSON value it holds.
//
// # Semantics
//
// They are HCL's, with these differences:
//
//   - A missing member is null if the members are known only at run time: in JSON, in maps, and when the key comes from the
//     event. An element past the end of a JSON array is null too, and so is a member of null or of a value without members.
//   - null equals only null, and is neither less nor greater than anything. Any other use of null is an error.
//   - && and || evaluate from left to right and short-circuit. ?: evaluates one branch.
//   - Comparing a string with a number is an error at load, where HCL returns false. In JSON, whose types are known only at run
//     time, they are not equal.
//   - A result of ?: whose type is known only at run time is not converted to the type of the other result.
//   - Numbers are exact: int64 where they fit, HCL's 512-bit floats otherwise, and JSON is passed on as written. It is an error
//     where HCL would round a whole number or compute with a million digits. x % 0 is an error like x / 0.
//   - Strings are compared in Unicode normalization form C, as in HCL, but keep their bytes: HCL would rewrite an S3 key that is
//     not in that form, and the result would name no object. Only functions that are not compiled rewrite their arguments so.
//   - An expression that exceeds the budget (maxWork) stops with an error, which try and can do not catch. They catch failures that
//     depend on values; what is certain at load stays an error inside them, except for missing members of the configuration's objects.
//   - Sets are lists, sorted and without equal elements.
//
// A failure at run time is an error of that rule for that event (Delivery.Err), never "no match".
//
// # How
//
// Every expression becomes a Go closure over a frame, once for each kind of source that the rule is on, with all types checked
// on the way. A frame holds one event and remembers the first failure; because expressions have no effects, evaluation need
// not stop there. Rules are found by source and by the equality clauses that their `when` begins with.
package rule
