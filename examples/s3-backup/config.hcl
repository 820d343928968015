# Every object of one bucket, copied into another store as soon as it changes. README.md beside this file explains it.

variable "source" {
  description = "Where the bucket is whose objects are copied."
  default     = "http://127.0.0.1:9000"
}

variable "destination" {
  description = "Where the copies go."
  default     = "http://127.0.0.1:7070"
}

source "s3" "uploads" {
  path    = "/hooks/uploads"
  tokens  = [env("S3_HOOK_TOKEN")]
  buckets = ["main"]

  # The URL registered with VK Cloud, to the letter, if that is where the bucket is:
  # public_url = env("S3_HOOK_URL")

  # AWS, through SNS:
  # sns {
  #   topics = ["arn:aws:sns:ap-northeast-1:123456789012:s3-main"]
  # }
}

plugin "s3-mirror" "backup" {
  settings {
    source {
      endpoint   = var.source
      bucket     = "main"
      access_key = env("SOURCE_ACCESS_KEY")
      secret_key = env("SOURCE_SECRET_KEY")
    }

    destination {
      endpoint   = var.destination
      bucket     = "backup"
      access_key = env("BACKUP_ACCESS_KEY")
      secret_key = env("BACKUP_SECRET_KEY")
    }

    deletes = true
    exclude = ["tmp/*"]
  }
}

rule "backup" {
  description = "Keep the backup equal to the bucket."

  on   = ["uploads"]
  when = startswith(event.type, "s3.object.")

  dispatch "backup" {
    order_by = event.subject # changes of one object are applied one after the other
    timeout  = "1h"          # of one attempt: a big object takes its time
  }
}
