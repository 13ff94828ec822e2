"""What people and machines see of a running server.

metrics, metrics_folder     Prometheus; the counts of several workers
traces                      OpenTelemetry
logs                        lines of JSON
"""
