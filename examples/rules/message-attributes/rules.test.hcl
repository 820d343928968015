test "a critical message, as SNS posts it" {
  event {
    source = "alarms"

    # The members about the signature may be left out: a test verifies nothing.
    body = jsonencode({
      Type              = "Notification"
      MessageId         = "0a1b2c3d-0000-5000-8000-000000000001"
      TopicArn          = "arn:aws:sns:ap-northeast-1:123456789012:backups"
      Subject           = "backup"
      Message           = "failed"
      Timestamp         = "2026-11-27T09:30:00.000Z"
      MessageAttributes = { severity = { Type = "String", Value = "critical" } }
    })
  }

  expect {
    arguments = { text = "backup: failed", color = "danger" }
  }
}

test "a high one" {
  event {
    source = "alarms"
    type   = "sns.notification"
    data   = { subject = "backup", message = "slow", attributes = { severity = "high" } }
  }

  expect {
    arguments = { color = "warning" }
  }
}

test "a low one, and one without severity" {
  event {
    source = "alarms"
    type   = "sns.notification"
    data   = { message = "x", attributes = { severity = "low" } }
  }

  event {
    source = "alarms"
    type   = "sns.notification"
    data   = { message = "x" }
  }

  expect_deliveries = 0
}
