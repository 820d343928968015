# A rule for each team, from one table.

source "s3" "uploads" {
  tokens = [env("S3_HOOK_TOKEN")]
}

plugin "slack" "ops" {
  settings {
    webhook_url = env("SLACK_WEBHOOK_URL")
  }
}

locals {
  teams = {
    vision = { folder = "cameras/", channel = "#vision" }
    radar  = { folder = "radar/", channel = "#radar" }
    maps   = { folder = "maps/", channel = "#maps" }
  }
}

rule "team" {
  for_each = local.teams

  on   = ["uploads"]
  when = event.type == "s3.object.created" && startswith(event.data.object.key, each.value.folder)

  dispatch "ops" {
    channel = each.value.channel
    text    = "${each.key}: ${trimprefix(event.data.object.key, each.value.folder)} has arrived"
  }
}
