test "both rules see an alarm, and only the old one delivers" {
  event {
    source = "alarms"
    type   = "sns.notification"
    data   = { message_json = { AlarmName = "disk-full", NewStateValue = "ALARM" } }
  }

  expect {
    rule      = "alarm"
    arguments = { text = "disk-full" }
  }

  expect {
    rule      = "alarm-2"
    arguments = { text = "disk-full: no reason given" }
    shadow    = true
  }

  expect_deliveries = 1
}

test "the new rule will leave alarms of tests out" {
  event {
    source = "alarms"
    type   = "sns.notification"
    data   = { message_json = { AlarmName = "test-1", NewStateValue = "ALARM" } }
  }

  expect {
    rule = "alarm"
  }

  expect {
    rule   = "alarm-2"
    shadow = true
    count  = 0
  }
}

test "the end of an alarm is none" {
  event {
    source = "alarms"
    type   = "sns.notification"
    data   = { message_json = { AlarmName = "disk-full", NewStateValue = "OK" } }
  }

  expect {
    shadow = true
    count  = 0
  }

  expect_deliveries = 0
}
