# One rule over two stores. It reads what the events of both have.

source "s3" "tokyo" {
  tokens = [env("TOKYO_TOKEN")]
}

source "s3" "osaka" {
  tokens = [env("OSAKA_TOKEN")]
}

plugin "slack" "ops" {
  settings {
    webhook_url = env("SLACK_WEBHOOK_URL")
  }
}

rule "removed" {
  on   = ["tokyo", "osaka"]
  when = event.type == "s3.object.removed"

  dispatch "ops" {
    text = "${title(event.source)}: ${event.data.object.key} was removed from ${event.data.object.bucket}"
  }
}
