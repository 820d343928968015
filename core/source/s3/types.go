package s3

import "strings"

// Types of events. Stores have many event names; rules need few.
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

// KnownTypes returns all event types.
func KnownTypes() []string {
	return []string{
		typeBucketCreated, typeBucketRemoved,
		typeACL, typeAccessed, typeCreated, typeLost, typeRemoved, typeReplicated, typeRestoreExpired, typeRestoreStarted,
		typeRestored, typeRetention, typeTagged, typeTransitioned, typeUnknown,
	}
}

// isBucketType reports whether events of the type are about a bucket and have no key.
func isBucketType(t string) bool { return strings.HasPrefix(t, "s3.bucket.") }

// namesOfTypes maps complete event names, without "s3:", to types.
//
// ObjectCreated is not a prefix: MinIO also uses it for changes of tags and locks, which leave the content unchanged, so
// unknown names must not count as created.
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

// prefixesOfTypes maps prefixes of event names to types; a longer prefix comes before a shorter one.
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

// testEvent is the event name of a store's test notification.
const testEvent = "TestEvent"

// bareName returns an event name without the prefix "s3:" that some stores write.
func bareName(name string) string { return strings.TrimPrefix(name, "s3:") }

// TypeOf returns the type of an event of that name.
func TypeOf(name string) string {
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
