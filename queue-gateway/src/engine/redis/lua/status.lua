-- Purpose  Says where a visitor stands.
-- ARGV     3 visitor
-- Reply    standing
return standing(ARGV[3])
