"""What people look at: pages that open offline, and pictures. Nothing here measures anything."""
