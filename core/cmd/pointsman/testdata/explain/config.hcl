# Rules that explain pages are about. The plugins are not installed, and the secret is nowhere.
source "intdash" "lab" {
  secrets = [env("NOWHERE_SECRET")]
}

source "s3" "uploads" {
  dialect = "minio"
  tokens  = [env("NOWHERE_TOKEN")]
}

plugin "mirror" "backup" {}
plugin "chat" "ops" {}

rule "mirror-images" {
  on   = ["uploads"]
  when = event.type == "s3.object.created" && startswith(event.data.object.key, "img/")

  dispatch "backup" {
    key = event.data.object.key
  }
}

rule "big-files" {
  on = ["uploads"]
  when = (
    event.data.object.size > 10 * mb
    && (endswith(event.data.object.key, ".png") || event.data.region == "eu")
  )

  dispatch "ops" {
    text = "big: ${event.data.object.key}"
  }
}

rule "done" {
  on   = ["lab"]
  when = event.data.action == "completed" && event.data.extra.project == "drive"

  dispatch "ops" {
    text = "done: ${event.subject}"
  }
}
