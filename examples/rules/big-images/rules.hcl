# Big images under a prefix are told, with their size as people write it.

source "s3" "uploads" {
  tokens = [env("S3_HOOK_TOKEN")]
}

plugin "slack" "ops" {
  settings {
    webhook_url = env("SLACK_WEBHOOK_URL")
  }
}

rule "big-image" {
  on = ["uploads"]
  when = (
    event.type == "s3.object.created"
    && startswith(event.data.object.key, "img/")
    && event.data.object.size >= bytes("10MiB")
  )

  dispatch "ops" {
    text = "${event.data.object.key} has ${humanbytes(event.data.object.size)}"
  }
}
