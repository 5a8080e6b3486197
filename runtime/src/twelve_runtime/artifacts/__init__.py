"""Models and datasets as immutable artifacts in any S3 bucket or directory. Import its modules: `artifacts.models` …"""
