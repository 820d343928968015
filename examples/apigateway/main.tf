# An Amazon API Gateway WebSocket API whose routes post to Pointsman, and the table that lists its connections.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

provider "aws" {
  region = var.region
}

# --- The API

resource "aws_apigatewayv2_api" "chat" {
  name                       = var.name
  protocol_type              = "WEBSOCKET"
  route_selection_expression = "$request.body.action"
}

locals {
  # What the router reads, as headers of every request.
  headers = {
    secret        = "'${var.secret}'"
    connection-id = "context.connectionId"
    event-type    = "context.eventType"
    route-key     = "context.routeKey"
    request-id    = "context.requestId"
    stage         = "context.stage"
    source-ip     = "context.identity.sourceIp"
    request-time  = "context.requestTimeEpoch"
  }

  # What only some requests have.
  integrations = {
    connect    = merge(local.headers, { room = "route.request.querystring.room" })
    disconnect = local.headers
    message    = merge(local.headers, { message-id = "context.messageId" })
  }

  routes = merge(
    { "$connect" = "connect", "$disconnect" = "disconnect", "$default" = "message" },
    { for route in var.routes : route => "message" },
  )
}

resource "aws_apigatewayv2_integration" "router" {
  for_each = local.integrations

  api_id               = aws_apigatewayv2_api.chat.id
  description          = "Pointsman: ${each.key}"
  integration_type     = "HTTP_PROXY"
  integration_method   = "POST"
  integration_uri      = var.router_url
  passthrough_behavior = "WHEN_NO_MATCH"
  timeout_milliseconds = 29000

  request_parameters = {
    for name, value in each.value : "integration.request.header.x-pointsman-${name}" => value
  }
}

resource "aws_apigatewayv2_route" "router" {
  for_each = local.routes

  api_id    = aws_apigatewayv2_api.chat.id
  route_key = each.key
  target    = "integrations/${aws_apigatewayv2_integration.router[each.value].id}"

  # A client says which room it joins: wss://.../dev?room=chat:3. The router refuses one that does not.
  dynamic "request_parameter" {
    for_each = each.key == "$connect" ? ["route.request.querystring.room"] : []

    content {
      request_parameter_key = request_parameter.value
      required              = false
    }
  }
}

resource "aws_apigatewayv2_deployment" "chat" {
  api_id = aws_apigatewayv2_api.chat.id

  # A stage shows what was deployed: deploy again whenever something of this changes.
  triggers = {
    routes = sha256(jsonencode([aws_apigatewayv2_route.router, aws_apigatewayv2_integration.router]))
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_apigatewayv2_stage" "chat" {
  api_id        = aws_apigatewayv2_api.chat.id
  name          = var.stage
  deployment_id = aws_apigatewayv2_deployment.chat.id

  # Without these two limits nothing at all gets through.
  default_route_settings {
    throttling_rate_limit    = var.throttling_rate
    throttling_burst_limit   = var.throttling_burst
    detailed_metrics_enabled = true
    data_trace_enabled       = false # it would write messages into the log
    logging_level            = "OFF" # INFO would write headers into the log, and the secret is one
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format = jsonencode({
      requestId      = "$context.requestId"
      ip             = "$context.identity.sourceIp"
      requestTime    = "$context.requestTime"
      httpMethod     = "$context.httpMethod"
      routeKey       = "$context.routeKey"
      status         = "$context.status"
      protocol       = "$context.protocol"
      responseLength = "$context.responseLength"
    })
  }

  depends_on = [aws_api_gateway_account.logs]
}

# --- The access log

resource "aws_cloudwatch_log_group" "access" {
  name              = "/aws/apigateway/${var.name}-${var.stage}"
  retention_in_days = var.log_retention_days
}

# One for all APIs of an account and region.
resource "aws_api_gateway_account" "logs" {
  count               = var.log_account ? 1 : 0
  cloudwatch_role_arn = aws_iam_role.logs[0].arn

  depends_on = [aws_iam_role_policy_attachment.logs]
}

resource "aws_iam_role" "logs" {
  count              = var.log_account ? 1 : 0
  name               = "${var.name}-${var.stage}-api-gateway-logs"
  assume_role_policy = data.aws_iam_policy_document.api_gateway.json
}

resource "aws_iam_role_policy_attachment" "logs" {
  count      = var.log_account ? 1 : 0
  role       = aws_iam_role.logs[0].name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
}

data "aws_iam_policy_document" "api_gateway" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["apigateway.amazonaws.com"]
    }
  }
}

# --- A name of its own

resource "aws_apigatewayv2_domain_name" "chat" {
  count       = var.domain == "" ? 0 : 1
  domain_name = var.domain

  domain_name_configuration {
    certificate_arn = var.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }
}

resource "aws_apigatewayv2_api_mapping" "chat" {
  count       = var.domain == "" ? 0 : 1
  api_id      = aws_apigatewayv2_api.chat.id
  domain_name = aws_apigatewayv2_domain_name.chat[0].id
  stage       = aws_apigatewayv2_stage.chat.id
}

resource "aws_route53_record" "chat" {
  count   = var.domain == "" || var.zone_id == "" ? 0 : 1
  zone_id = var.zone_id
  name    = var.domain
  type    = "A"

  alias {
    name                   = aws_apigatewayv2_domain_name.chat[0].domain_name_configuration[0].target_domain_name
    zone_id                = aws_apigatewayv2_domain_name.chat[0].domain_name_configuration[0].hosted_zone_id
    evaluate_target_health = false
  }
}

# --- Who is in which room

resource "aws_dynamodb_table" "connections" {
  name         = "${var.name}-connections-${var.stage}"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "connectionId"

  attribute {
    name = "connectionId"
    type = "S"
  }

  attribute {
    name = "room"
    type = "S"
  }

  global_secondary_index {
    name            = "room-index"
    hash_key        = "room"
    projection_type = "ALL"
  }

  # The router removes connections that ended without a DISCONNECT from the list, and makes the event of their end. Should no router run
  # for long, this does without the event.
  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  server_side_encryption {
    enabled = true
  }
}

# --- What the router may do

data "aws_iam_policy_document" "router" {
  statement {
    sid       = "Speak"
    actions   = ["execute-api:ManageConnections"]
    resources = ["${aws_apigatewayv2_api.chat.execution_arn}/${var.stage}/*/@connections/*"]
  }

  statement {
    sid = "List"
    actions = [
      "dynamodb:DeleteItem",
      "dynamodb:DescribeTable",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Query",
      "dynamodb:Scan",
    ]
    resources = [
      aws_dynamodb_table.connections.arn,
      "${aws_dynamodb_table.connections.arn}/index/room-index",
    ]
  }
}

resource "aws_iam_policy" "router" {
  name        = "${var.name}-${var.stage}-pointsman"
  description = "What Pointsman needs: attach it to the user or the role that it runs as."
  policy      = data.aws_iam_policy_document.router.json
}
