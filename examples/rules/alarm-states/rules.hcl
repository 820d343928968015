# An alarm of CloudWatch by its state: each state has a text of its own.

source "sns" "alarms" {
  topics = ["arn:aws:sns:ap-northeast-1:123456789012:*"]
}

plugin "slack" "ops" {
  settings {
    webhook_url = env("SLACK_WEBHOOK_URL")
  }
}

locals {
  alarm = {
    ALARM             = { text = "is on fire", color = "danger" }
    OK                = { text = "is well again", color = "good" }
    INSUFFICIENT_DATA = { text = "says nothing", color = "warning" }
  }
}

rule "alarm" {
  on   = ["alarms"]
  when = event.data.message_json.AlarmName != null

  dispatch "ops" {
    text     = "${event.data.message_json.AlarmName} ${lookup(local.alarm, event.data.message_json.NewStateValue).text}"
    color    = lookup(local.alarm, event.data.message_json.NewStateValue).color
    order_by = event.data.message_json.AlarmName
  }
}
