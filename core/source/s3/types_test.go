package s3

import (
	"slices"
	"testing"
)

func TestTypes(t *testing.T) {
	for want, names := range map[string][]string{
		typeCreated: {
			"ObjectCreated:Put", "s3:ObjectCreated:Put", "ObjectCreated:Post", "ObjectCreated:Copy", "s3:ObjectCreated:CompleteMultipartUpload",
			"PutObject", "PutObjectCopy", "ObjectSynced:Created", "Object Created",
		},
		typeRemoved: {
			"ObjectRemoved:Delete", "s3:ObjectRemoved:DeleteMarkerCreated", "s3:ObjectRemoved:NoOP", "s3:ObjectRemoved:DeleteObjects",
			"LifecycleExpiration:Delete", "LifecycleExpiration:DeleteMarkerCreated", "DeleteObject", "Object Deleted",
			"s3:ObjectSynced:Delete", "s3:ObjectSynced:DeletionMarkerCreated", "s3:ObjectLifecycle:Expiration:Current",
		},
		typeTagged:         {"ObjectTagging:Put", "s3:ObjectTagging:Delete", "s3:ObjectCreated:PutTagging", "s3:ObjectCreated:DeleteTagging", "Object Tags Added", "Object Tags Deleted"},
		typeACL:            {"ObjectAcl:Put", "Object ACL Updated"},
		typeRestored:       {"ObjectRestore:Completed", "Object Restore Completed"},
		typeRestoreStarted: {"ObjectRestore:Post", "Object Restore Initiated"},
		typeRestoreExpired: {"ObjectRestore:Delete", "Object Restore Expired"},
		typeRetention:      {"s3:ObjectCreated:PutRetention", "s3:ObjectCreated:PutLegalHold"},
		typeAccessed:       {"s3:ObjectAccessed:Get", "s3:ObjectAccessed:Head", "s3:ObjectAccessed:Anything"},
		typeTransitioned: {
			"LifecycleTransition", "LifecycleTransition:x", "IntelligentTiering", "s3:ObjectTransition:Complete", "s3:ObjectLifecycle:Transition:Current",
			"Object Storage Class Changed", "Object Access Tier Changed",
		},
		typeReplicated:    {"Replication:OperationFailedReplication", "s3:Replication:OperationCompletedReplication"},
		typeLost:          {"ReducedRedundancyLostObject", "s3:ReducedRedundancyLostObject"},
		typeBucketCreated: {"s3:BucketCreated:*"},
		typeBucketRemoved: {"s3:BucketRemoved:*"},
		typeUnknown:       {"", "s3:", "ObjectCreated", "ObjectCreated:", "s3:ObjectCreated:PutSomething", "s3:Scanner:BigPrefix", "objectcreated:put", "ObjectRemoved", "s3:s3:ObjectCreated:Put"},
	} {
		for _, name := range names {
			if got := TypeOf(name); got != want {
				t.Errorf("%q is %s, want %s", name, got, want)
			}
		}
		if !slices.Contains(KnownTypes(), want) {
			t.Errorf("metrics do not know %s", want)
		}
	}
}
