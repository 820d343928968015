# A complete configuration: chat rooms, and a room that receives events of another system.
#
#   export INTDASH_SECRET=...
#   pointsman run sample.hcl
#
# A client joins with ws://127.0.0.1:8080/chat?room=chat:3, sends {"room":"chat:3","data":"some message."}, and the others in
# the room receive {"data":"some message.","received":1647007498}.

source "websocket" "chat" {
  path = "/chat"
}

source "intdash" "lab" {
  path    = "/hooks/intdash"
  secrets = [env("INTDASH_SECRET")]
}

plugin "room-broadcast" "rooms" {
  settings {
    source = "chat"
  }
}

# Without arguments: the message's data, to the message's room, except to its sender.
rule "talk" {
  on   = ["chat"]
  when = event.data.event_type == "message"

  dispatch "rooms" {
    order_by = event.data.room # messages of a room arrive in order
  }
}

rule "arrivals" {
  on   = ["chat"]
  when = event.data.event_type == "connect"

  dispatch "rooms" {
    text   = "somebody came in"
    except = event.data.connection_id
  }
}

rule "measurements" {
  on   = ["lab"]
  when = event.data.resource_type == "measurement" && event.data.action == "completed"

  dispatch "rooms" {
    room = "measurements"
    json = jsonencode({ measurement = event.data.measurement_uuid, project = event.data.project_uuid })
  }
}
