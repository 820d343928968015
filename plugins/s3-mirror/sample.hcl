# A complete configuration: what happens to the bucket "main" on a MinIO happens to the bucket "backup" at AWS.
#
#   export S3_HOOK_TOKEN=...  SRC_KEY=... SRC_SECRET=...  DST_KEY=... DST_SECRET=...
#   pointsman run sample.hcl
#
# MinIO sends its notifications to http://<this machine>:8080/hooks/uploads with the token as auth_token.

server {
  listen = "0.0.0.0:8080"
}

source "s3" "uploads" {
  path    = "/hooks/uploads"
  tokens  = [env("S3_HOOK_TOKEN")]
  buckets = ["main"]
}

plugin "s3-mirror" "backup" {
  timeout = "1h" # of one attempt: longer than the biggest object takes

  settings {
    source {
      endpoint   = "http://127.0.0.1:9000"
      bucket     = "main"
      access_key = env("SRC_KEY")
      secret_key = env("SRC_SECRET")
    }
    destination {
      region        = "eu-west-1"
      bucket        = "backup"
      prefix        = "main/"
      access_key    = env("DST_KEY")
      secret_key    = env("DST_SECRET")
      storage_class = "STANDARD_IA"
    }
    deletes = true
    exclude = ["tmp/*"]
  }
}

rule "backup" {
  on   = ["uploads"]
  when = startswith(event.type, "s3.object.")

  dispatch "backup" {
    order_by = event.subject
  }
}
