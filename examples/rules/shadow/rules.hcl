# A new rule runs beside the one that it will replace. It is evaluated and counted and delivers nothing, so the two can be compared.

source "sns" "alarms" {
  topics = ["arn:aws:sns:ap-northeast-1:123456789012:*"]
}

plugin "slack" "ops" {
  settings {
    webhook_url = env("SLACK_WEBHOOK_URL")
  }
}

rule "alarm" {
  on   = ["alarms"]
  when = event.data.message_json.NewStateValue == "ALARM"

  dispatch "ops" {
    text = event.data.message_json.AlarmName
  }
}

rule "alarm-2" {
  description = "Since 2026-11-27: without the alarms of tests."
  mode        = "shadow"

  on = ["alarms"]
  when = (
    event.data.message_json.NewStateValue == "ALARM"
    && !startswith(event.data.message_json.AlarmName, "test-")
  )

  dispatch "ops" {
    text = "${event.data.message_json.AlarmName}: ${coalesce(event.data.message_json.NewStateReason, "no reason given")}"
  }
}
