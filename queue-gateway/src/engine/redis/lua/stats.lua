-- Purpose  The queue in numbers.
-- Reply    stats
return stats()
