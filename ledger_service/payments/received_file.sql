SELECT rows, accepted, rejected FROM payments.received_file
WHERE business_date = %s AND source_file = %s AND sha256 = %s
