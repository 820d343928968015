# A complete configuration: what happens on an intdash server and in Amazon SNS topics shows up in Slack.
#
#   export INTDASH_SECRET=...  SLACK_WEBHOOK_URL=https://hooks.slack.com/services/...  SLACK_TOKEN=xoxb-...
#   pointsman run sample.hcl

source "intdash" "lab" {
  path    = "/hooks/intdash"
  secrets = [env("INTDASH_SECRET")]
}

plugin "slack" "ops" {
  settings {
    webhook_url = env("SLACK_WEBHOOK_URL")
    channel     = "#ops"
  }
}

plugin "slack" "bot" {
  settings {
    token   = env("SLACK_TOKEN")
    channel = "C0123456789"
  }
}

# Without a layout, the message shows type, subject, time and source of the event.
rule "every-deletion" {
  on   = ["lab"]
  when = event.data.action == "deleted"

  dispatch "ops" {}
}

rule "measurement-done" {
  on   = ["lab"]
  when = event.data.resource_type == "measurement" && event.data.action == "completed"

  dispatch "ops" {
    text  = "Measurement ${event.data.measurement_uuid} is complete"
    color = "good"

    field {
      title = "project"
      value = event.data.project_uuid
      short = true
    }
  }
}

# Many edges come and go: one message for all of a minute.
rule "edges" {
  on   = ["lab"]
  when = event.data.resource_type == "edge"

  dispatch "bot" {
    text    = "Edge ${event.data.resource_uuid} ${event.data.action}"
    timeout = "2m" # longer than the window

    digest {
      window = "1m"
      first  = 10
    }
  }
}

# Block Kit. What comes from the event is escaped.
rule "new-user" {
  on   = ["lab"]
  when = event.data.resource_type == "user" && event.data.action == "created"

  dispatch "bot" {
    text = "New user ${event.data.resource_uuid}"
    blocks = [
      { type = "header", text = { type = "plain_text", text = "New user" } },
      { type = "section", text = { type = "mrkdwn", text = "*${event.data.resource_uuid}*" } },
    ]
  }
}
