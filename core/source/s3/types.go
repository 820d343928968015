package s3

import "strings"

// Types of events. Stores have many names for what happened; a rule needs few.
const (
	typeCreated        = "s3.object.created"
	typeRemoved        = "s3.object.removed"
	typeTagged         = "s3.object.tagged"
	typeACL            = "s3.object.acl"
	typeRestored       = "s3.object.restored"
	typeRestoreStarted = "s3.object.restore_started"
	typeRestoreExpired = "s3.object.restore_expired"
	typeRetention      = "s3.object.retention"
	typeAccessed       = "s3.object.accessed"
	typeTransitioned   = "s3.object.transitioned"
	typeReplicated     = "s3.object.replicated"
	typeLost           = "s3.object.lost"
	typeUnknown        = "s3.object.unknown"
	typeBucketCreated  = "s3.bucket.created"
	typeBucketRemoved  = "s3.bucket.removed"
)

// KnownTypes are the event types that there are.
func KnownTypes() []string {
	return []string{
		typeBucketCreated, typeBucketRemoved,
		typeACL, typeAccessed, typeCreated, typeLost, typeRemoved, typeReplicated, typeRestoreExpired, typeRestoreStarted,
		typeRestored, typeRetention, typeTagged, typeTransitioned, typeUnknown,
	}
}

// isBucketType reports whether events of the type concern a bucket and so have no key.
func isBucketType(t string) bool { return strings.HasPrefix(t, "s3.bucket.") }

// namesOfTypes are whole event names without "s3:".
//
// MinIO calls changes of an object's tags and locks ObjectCreated too, although no byte of it changed: an unknown name that
// only begins like a known one must not pass for it.
var namesOfTypes = map[string]string{
	"ObjectCreated:Put":                     typeCreated,
	"ObjectCreated:Post":                    typeCreated,
	"ObjectCreated:Copy":                    typeCreated,
	"ObjectCreated:CompleteMultipartUpload": typeCreated,
	"ObjectCreated:PutTagging":              typeTagged,
	"ObjectCreated:DeleteTagging":           typeTagged,
	"ObjectCreated:PutRetention":            typeRetention,
	"ObjectCreated:PutLegalHold":            typeRetention,
	"ObjectRestore:Post":                    typeRestoreStarted,
	"ObjectRestore:Completed":               typeRestored,
	"ObjectRestore:Delete":                  typeRestoreExpired,
	"IntelligentTiering":                    typeTransitioned,
	"ReducedRedundancyLostObject":           typeLost,
	// VK Cloud
	"PutObject":     typeCreated,
	"PutObjectCopy": typeCreated,
	"DeleteObject":  typeRemoved,
	// EventBridge
	"Object Created":               typeCreated,
	"Object Deleted":               typeRemoved,
	"Object Restore Initiated":     typeRestoreStarted,
	"Object Restore Completed":     typeRestored,
	"Object Restore Expired":       typeRestoreExpired,
	"Object Storage Class Changed": typeTransitioned,
	"Object Access Tier Changed":   typeTransitioned,
	"Object ACL Updated":           typeACL,
	"Object Tags Added":            typeTagged,
	"Object Tags Deleted":          typeTagged,
}

// prefixesOfTypes are beginnings of event names, the longer of two first.
var prefixesOfTypes = []struct{ prefix, eventType string }{
	{"ObjectRemoved:", typeRemoved},
	{"ObjectTagging:", typeTagged},
	{"ObjectAcl:", typeACL},
	{"ObjectAccessed:", typeAccessed},
	{"ObjectTransition:", typeTransitioned},
	{"ObjectSynced:Delet", typeRemoved}, // Ceph: Delete, DeletionMarkerCreated
	{"ObjectSynced:", typeCreated},
	{"ObjectLifecycle:Expiration:", typeRemoved}, // Ceph
	{"ObjectLifecycle:Transition:", typeTransitioned},
	{"LifecycleExpiration:", typeRemoved},
	{"LifecycleTransition", typeTransitioned},
	{"Replication:", typeReplicated},
	{"BucketCreated:", typeBucketCreated},
	{"BucketRemoved:", typeBucketRemoved},
}

// testEvent is the name of what a store sends to see whether anybody listens.
const testEvent = "TestEvent"

// bareName returns an event name without the "s3:" that some stores put before it.
func bareName(name string) string { return strings.TrimPrefix(name, "s3:") }

// typeOf returns the type of an event of that name.
func typeOf(name string) string {
	name = bareName(name)
	if t, ok := namesOfTypes[name]; ok {
		return t
	}
	for _, p := range prefixesOfTypes {
		if strings.HasPrefix(name, p.prefix) {
			return p.eventType
		}
	}
	return typeUnknown
}
