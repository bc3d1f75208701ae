"""The Remote Execution API: its messages, gRPC, storage of blobs, and actions."""
