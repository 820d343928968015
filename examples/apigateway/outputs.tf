output "clients_connect_to" {
  description = "Address for clients, without the room."
  value       = var.domain == "" ? aws_apigatewayv2_stage.chat.invoke_url : "wss://${var.domain}"
}

output "endpoint" {
  description = "For the source: POINTSMAN_VAR_endpoint."
  value       = replace(aws_apigatewayv2_stage.chat.invoke_url, "wss://", "https://")
}

output "region" {
  description = "For the source: POINTSMAN_VAR_region."
  value       = var.region
}

output "table" {
  description = "For the source: POINTSMAN_VAR_table."
  value       = aws_dynamodb_table.connections.name
}

output "policy_arn" {
  description = "Policy to attach to the user or the role that the router runs as."
  value       = aws_iam_policy.router.arn
}
