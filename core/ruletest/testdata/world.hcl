variable "limit" { default = 10 }

variable "names" { default = ["a"] }

locals {
  prefix = "img/"
  hidden = file("world.hcl")
}

source "s3" "uploads" {
  path            = "/s3"
  allow_anonymous = true
  buckets         = ["main"]
}

source "sns" "alarms" {
  topics = ["arn:aws:sns:ap-northeast-1:123456789012:*"]
}

source "intdash" "lab" {
  secrets = ["only-for-this-test-0123456789012"]
}

source "websocket" "chat" {
  path   = "/ws"
  tokens = ["only-for-this-test-0123456789012"]
}

plugin "none" "ops" {}

plugin "none" "log" {}

rule "big-images" {
  on = ["uploads"]
  when = (
    event.type == "s3.object.created"
    && startswith(event.data.object.key, local.prefix)
    && event.data.object.size > var.limit * mb
  )

  dispatch "ops" {
    text     = "${event.data.object.key} has ${floor(event.data.object.size / mb)} MiB"
    tags     = ["image", "big"]
    order_by = event.data.object.key

    field {
      title = "bucket"
      value = event.data.object.bucket
    }
  }

  dispatch "log" {
    event = event.data
  }
}

rule "alarm" {
  on   = ["alarms"]
  when = event.data.message_json.AlarmName != null

  dispatch "ops" {
    text = "${event.data.message_json.NewStateValue}: ${event.data.message_json.AlarmName}"
  }
}

rule "urgent" {
  on   = ["alarms"]
  when = event.data.attributes.severity == "high"

  dispatch "ops" {
    text = event.data.message
  }
}

rule "done" {
  on   = ["lab"]
  when = event.data.action == "completed"

  dispatch "log" {
    text = "${event.data.extra.name} at ${event.time}"
  }
}

rule "talk" {
  on   = ["chat"]
  when = event.type == "websocket.message"

  dispatch "log" {
    room = event.data.room
    text = event.data.text
    from = event.attributes.user
  }
}
