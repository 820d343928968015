package snsmessage

import "testing"

// BenchmarkVerify measures one notification whose certificate is cached.
func BenchmarkVerify(b *testing.B) {
	for _, version := range []string{"1", "2"} {
		b.Run("version "+version, func(b *testing.B) {
			v, _ := verifierOfVectors(b, testPolicy)
			body := readTestdata(b, "sns_A_notification_subject_v"+version+".json")
			b.ReportAllocs()
			for b.Loop() {
				if err := v.Verify(b.Context(), mustParse(b, body)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
