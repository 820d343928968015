# One event for three plugins. The rooms get the events of one project in order, the others as they come.

source "intdash" "lab" {
  secrets = [env("INTDASH_SECRET")]
}

source "websocket" "chat" {
  tokens = [env("CHAT_TOKEN")]
}

plugin "stats-email" "mail" {
  settings {
    data = "sample"
    via  = "maildir"
  }
}

plugin "slack" "ops" {
  settings {
    webhook_url = env("SLACK_WEBHOOK_URL")
  }
}

plugin "room-broadcast" "rooms" {
  settings {
    source = "chat"
  }
}

rule "completed" {
  on   = ["lab"]
  when = event.data.resource_type == "measurement" && event.data.action == "completed"

  dispatch "mail" {
    to = ["ops@example.com"]
  }

  dispatch "ops" {
    text = "Measurement ${event.data.measurement_uuid} is complete"
  }

  dispatch "rooms" {
    room     = "lab"
    json     = jsonencode({ measurement = event.data.measurement_uuid })
    order_by = event.data.project_uuid
  }
}
