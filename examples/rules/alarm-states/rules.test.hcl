test "an alarm" {
  event {
    source = "alarms"
    type   = "sns.notification"
    data   = { message_json = { AlarmName = "disk-full", NewStateValue = "ALARM" } }
  }

  expect {
    arguments = { text = "disk-full is on fire", color = "danger" }
    order_key = "disk-full"
  }
}

test "the end of an alarm" {
  event {
    source = "alarms"
    type   = "sns.notification"
    data   = { message_json = { AlarmName = "disk-full", NewStateValue = "OK" } }
  }

  expect {
    arguments = { text = "disk-full is well again", color = "good" }
  }
}

test "no data" {
  event {
    source = "alarms"
    type   = "sns.notification"
    data   = { message_json = { AlarmName = "disk-full", NewStateValue = "INSUFFICIENT_DATA" } }
  }

  expect {
    arguments = { text = "disk-full says nothing", color = "warning" }
  }
}

test "other messages are no alarms" {
  event {
    source = "alarms"
    type   = "sns.notification"
    data   = { message = "backup done" }
  }

  expect_deliveries = 0
}
